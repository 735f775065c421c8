// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// A Hello is JSON, as pods of different versions read it: unknown fields are ignored, missing ones are zero.

func writeHello(w io.Writer, hello Hello) error {
	text, err := json.Marshal(hello)
	if err != nil {
		return err
	}
	if len(text) > maxHello {
		return fmt.Errorf("peers: a greeting of %d bytes, of at most %d", len(text), maxHello)
	}
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), greeting) //nolint:gosec // checked
	_, err = w.Write(append(frame, text...))
	return err
}

func readHello(r io.Reader) (Hello, error) {
	var header [headerBytes]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return Hello{}, err
	}
	size := binary.BigEndian.Uint32(header[:])
	if size > maxHello || header[headerBytes-1] != greeting {
		return Hello{}, fmt.Errorf("peers: frame %d of %d bytes is no greeting", header[headerBytes-1], size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return Hello{}, err
	}
	var hello Hello
	if err := json.Unmarshal(text, &hello); err != nil {
		return Hello{}, fmt.Errorf("peers: a greeting that cannot be read: %w", err)
	}
	return hello, nil
}
