// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"

	"goservice.dev/operator/api/v1alpha1"
)

// minuteBytes are a minute in two bytes, its days in three, and its levels.
const minuteBytes = 7

// status of it; nil where nothing is known.
func (p Profile) status() *v1alpha1.LearnedProfile {
	if len(p.Minutes) == 0 {
		return nil
	}
	var encoded []byte
	for _, m := range p.Minutes {
		encoded = binary.BigEndian.AppendUint16(encoded, uint16(m.Minute))
		encoded = append(encoded, byte(m.Days>>16), byte(m.Days>>8), byte(m.Days), m.Levels[0], m.Levels[1])
	}
	return &v1alpha1.LearnedProfile{
		Day: p.Day, Minutes: base64.StdEncoding.EncodeToString(encoded), StrayPermille: count(permille * p.Strays), NoisePermille: count(permille * p.Noise),
	}
}

// recallProfile knows nothing where something cannot be.
func recallProfile(s *v1alpha1.LearnedProfile) Profile {
	if s == nil {
		return Profile{}
	}
	encoded, err := base64.StdEncoding.DecodeString(s.Minutes)
	if err != nil || len(encoded) == 0 || len(encoded)%minuteBytes != 0 || len(encoded) > mostMinutes*minuteBytes || s.Day <= 0 {
		return Profile{}
	}
	p := Profile{
		Day: s.Day, Strays: min(max(float64(s.StrayPermille)/permille, 0), float64(minutesPerDay)),
		Noise: min(max(float64(s.NoisePermille)/permille, 0), math.MaxUint8),
	}
	for b := range slices.Chunk(encoded, minuteBytes) {
		m := RisingMinute{int(binary.BigEndian.Uint16(b)), uint32(b[2])<<16 | uint32(b[3])<<8 | uint32(b[4]), [2]byte{b[5], b[6]}}
		if n := len(p.Minutes); n > 0 && m.Minute <= p.Minutes[n-1].Minute || int64(m.Minute) >= minutesPerDay || m.Days == 0 || m.Levels[0] == 0 {
			return Profile{}
		}
		p.Minutes = append(p.Minutes, m)
	}
	return p
}
