// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package peerkeys derives the keys by which pods that share their queue know each other. They follow from a key of the operator's, the
// service, and the time alone, so that nobody has to remember them or to read them back. It is pure: no client, clock, or environment may
// enter.
package peerkeys

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

const (
	// Bytes of a key, and of the operator's own.
	Bytes = 32
	// Period is how long a key is shown.
	Period = 30 * 24 * time.Hour
	// Overlap is how long the next key is accepted before it is shown, and the last one after that. Kubelets bring a changed Secret into
	// pods within two minutes.
	Overlap = time.Hour

	purpose       = "goservice peers, key of a service, 1"
	revisionBytes = 8
)

// Service whose pods share their queue.
type Service struct {
	// UID of the GoService: one that is made again has other keys.
	UID string
	// Salt is any text of the user's: another one makes other keys at once.
	Salt string
}

// Keys are what the Secret of a service holds for a while, in base64.
type Keys struct {
	// Shown is what each pod proves to have, Accepted what others may have instead; empty: nothing else.
	Shown, Accepted string
	// Until is when other keys take their place.
	Until time.Time
}

// At is what the Secret of a service holds at a moment. For Overlap before the end of a Period the next key is accepted, and for as long
// after it the last one. Services change at different times. The only error is a master key that is too short.
func At(master []byte, service Service, now time.Time) (Keys, error) {
	if len(master) < Bytes {
		return Keys{}, fmt.Errorf("the operator's key must have at least %d bytes, not %d", Bytes, len(master))
	}
	period, since := service.period(now)
	shown, err := derive(master, service, period)
	if err != nil {
		return Keys{}, err
	}
	keys := Keys{Shown: shown}
	switch {
	case since < Overlap:
		keys.Accepted, err = derive(master, service, period-1)
		keys.Until = now.Add(Overlap - since)
	case since < Period-Overlap:
		keys.Until = now.Add(Period - Overlap - since)
	default:
		keys.Accepted, err = derive(master, service, period+1)
		keys.Until = now.Add(Period - since)
	}
	return keys, err
}

// period of a service at a moment, and for how long it has lasted.
func (s Service) period(now time.Time) (number int64, since time.Duration) {
	const nanoseconds = int64(Period)
	sum := sha256.Sum256([]byte(s.UID))
	late := int64(binary.BigEndian.Uint64(sum[:8]) % uint64(nanoseconds))
	at := now.UnixNano() + late
	return at / nanoseconds, time.Duration(at % nanoseconds)
}

func derive(master []byte, service Service, period int64) (string, error) {
	// With the lengths, no two services and salts are written alike.
	info := fmt.Sprintf("%s %d:%s %d:%s %d", purpose, len(service.UID), service.UID, len(service.Salt), service.Salt, period)
	key, err := hkdf.Key(sha256.New, master, nil, info, Bytes)
	if err != nil {
		return "", fmt.Errorf("deriving a key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(key), nil
}

// Revision tells contents of a Secret from each other, and nothing of the keys. owner is the object that it goes with.
func (k Keys) Revision(owner string) string {
	sum := sha256.Sum256([]byte(k.Shown + "\n" + k.Accepted + "\n" + owner))
	return hex.EncodeToString(sum[:revisionBytes])
}
