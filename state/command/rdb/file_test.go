package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// sealedFile is a file of some parts, with its checksum.
func sealedFile(parts ...string) []byte {
	p := []byte("REDIS0011" + strings.Join(parts, "") + "\xff")
	return binary.LittleEndian.AppendUint64(p, checksum(p))
}

// told is what ReadFile says of a file.
func told(p []byte) string {
	var b strings.Builder
	size, left, err := ReadFile(p, func(k Key) error {
		body, err := Open(k.Payload)
		if err == nil {
			err = Decode(body, nobody{})
		}
		fmt.Fprintf(&b, "[%d]%s @%d %x; ", k.DB, k.Name, k.ExpireAt, body)
		return err
	})
	if err != nil {
		return b.String() + err.Error()
	}
	return fmt.Sprintf("%s%d left, %d behind", b.String(), left, len(p)-size)
}

func TestReadFile(t *testing.T) {
	a := "\x00\x01a\x01x" // SET a x
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", sealedFile(), "0 left, 0 behind"},
		{"commands behind", append(sealedFile(a), "SET b 1\n"...), "[0]a @0 000178; 0 left, 8 behind"},
		{"databases", sealedFile("\xfe\x03", a, "\xfe\x40\x10", a), "[3]a @0 000178; [16]a @0 000178; 0 left, 0 behind"},
		{"an expiry is the next key's", sealedFile("\xfc\xe8\x03\x00\x00\x00\x00\x00\x00", a, "\xfd\x02\x00\x00\x00", a, a),
			"[0]a @1000 000178; [0]a @2000 000178; [0]a @0 000178; 0 left, 0 behind"},
		{"how often it is used", sealedFile("\xf8\x05", a, "\xf9\x05", a), "[0]a @0 000178; [0]a @0 000178; 0 left, 0 behind"},
		{"what is no key", sealedFile("\xfa\x03ver\x017", "\xfb\x01\x00", "\xf4\x01\x01\x00", a, "\xf5\x03lib", "\xf7\x01\x02\x05\x01\x07\x03abcd\x04abcdefgh\x05\x01s\x00"),
			"[0]a @0 000178; 2 left, 0 behind"},
		{"no checksum", append([]byte("REDIS0011"+a+"\xff"), make([]byte, 8)...), "[0]a @0 000178; 0 left, 0 behind"},
		{"none in old versions", []byte("REDIS0004" + a + "\xff"), "[0]a @0 000178; 0 left, 0 behind"},
		{"a wrong checksum", append([]byte("REDIS0011"+a+"\xff"), "12345678"...),
			"[0]a @0 000178; this RDB file cannot be read: rdb: bad data format: its checksum is wrong, before byte 23 of 23"},
		{"cut short", sealedFile(a)[:13], "this RDB file cannot be read: rdb: bad data format: it ends too early, before byte 13 of 13, in key \"a\" of type 0"},
		{"no end", []byte("REDIS0011" + a), "[0]a @0 000178; this RDB file cannot be read: rdb: bad data format: it ends too early, before byte 14 of 14"},
		{"no version", []byte("REDISxxxx" + a), "this RDB file cannot be read: rdb: bad data format: it has no version, before byte 9 of 14"},
		{"a module's value", sealedFile("\x07\x01a\x01x"),
			"this RDB file cannot be read: rdb: bad data format: there is no such type, before byte 12 of 23, in key \"a\" of type 7"},
	} {
		if got := told(tc.file); got != tc.want {
			t.Errorf("%s:\n%s, want\n%s", tc.name, got, tc.want)
		}
	}
	stop := errors.New("enough")
	if _, _, err := ReadFile(sealedFile(a, a), func(Key) error { return stop }); !errors.Is(err, stop) || errors.Is(err, ErrFile) {
		t.Errorf("the visitor's error is %v", err)
	}
}

// FuzzReadFile: whatever the bytes, ReadFile ends, and the payloads that it hands out have
// whole values.
func FuzzReadFile(f *testing.F) {
	f.Add(sealedFile("\xfe\x03", "\x00\x01a\x01x", "\xf7\x01\x02\x05\x01\x07\x00"))
	f.Add([]byte("REDIS0011\x0e\x01a\xc3\x0a\x40\x80"))
	f.Fuzz(func(t *testing.T, p []byte) {
		size, _, _ := ReadFile(p, func(k Key) error {
			body, err := Open(k.Payload)
			if err != nil {
				t.Fatalf("the footer of %q: %v", k.Name, err)
			}
			if err := Decode(body, nobody{}); errors.Is(err, ErrUnpacks) || err != nil && strings.Contains(err.Error(), "too early") {
				t.Fatalf("%q: %v", k.Name, err)
			}
			return nil
		})
		if size > len(p) {
			t.Fatalf("%d of %d bytes", size, len(p))
		}
	})
}
