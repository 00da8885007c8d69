package rdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

func TestChecksum(t *testing.T) {
	if got := checksum([]byte("123456789")); got != 0xe9c6d914c4b8d9ca { // the check value in Redis' crc64.c
		t.Errorf("checksum of 123456789: %x", got)
	}
	long := bytes.Repeat([]byte("This is a test of the emergency broadcast system."), 100)
	whole := checksum(long)
	if bit := checksum(append([]byte{long[0] ^ 1}, long[1:]...)); bit == whole {
		t.Error("a flipped bit is not seen")
	}
}

func TestFooter(t *testing.T) {
	body := []byte("\x00\x05hello")
	payload := Seal(bytes.Clone(body))
	if got, err := Open(payload); err != nil || !bytes.Equal(got, body) {
		t.Fatalf("%q, %v", got, err)
	}
	if v := binary.LittleEndian.Uint16(payload[len(body):]); v != 10 {
		t.Errorf("version %d", v)
	}
	for version, ok := range map[uint16]bool{0: true, 1: true, 9: true, 10: true, 11: true, 12: false, 256: false, 65535: false} {
		if _, err := Open(seal(bytes.Clone(body), version)); (err == nil) != ok {
			t.Errorf("version %d: %v", version, err)
		}
	}
	for n := range payload {
		if _, err := Open(payload[:n]); !errors.Is(err, ErrFooter) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	for bit := range 8 * len(payload) {
		p := bytes.Clone(payload)
		p[bit/8] ^= 1 << (bit % 8)
		if _, err := Open(p); !errors.Is(err, ErrFooter) {
			t.Errorf("bit %d is flipped: %v", bit, err)
		}
	}
	if got, err := Open(Seal(nil)); err != nil || len(got) != 0 {
		t.Errorf("no body: %q, %v", got, err)
	}
}
