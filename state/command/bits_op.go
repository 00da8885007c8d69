package command

import (
	"crypto/subtle"
	"encoding/binary"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// bitopCommand combines strings; where they are of different lengths, the shorter ones
// count as padded with zeros, missing ones as nothing but that.
func bitopCommand(c *Call) {
	var combine func(dst, src []byte)
	switch {
	case c.Is(1, "AND"):
		combine = andBytes
	case c.Is(1, "OR"):
		combine = orBytes
	case c.Is(1, "XOR"):
		combine = func(dst, src []byte) { subtle.XORBytes(dst, dst, src) }
	case c.Is(1, "NOT"):
		if len(c.Args) != 4 {
			c.Out.Error("ERR BITOP NOT must be called with a single source key.")
			return
		}
	default:
		c.Out.Error(TextSyntax)
		return
	}
	longest := 0
	for _, key := range c.Args[3:] {
		value, _, err := c.View.String(key)
		if err != nil {
			c.Fail(err)
			return
		}
		longest = max(longest, len(value))
	}
	c.Out.Int(int64(longest))
	dest := c.Args[2]
	switch {
	case longest > 0:
		c.Tell()
		c.raw(dest, c.bitop(combine, longest), 0)
	case c.View.Type(dest) != state.None:
		c.Tell()
		c.Events.Delete(dest, event.User)
	}
}

// bitop is what comes of the strings at Args[3:], all of which are, the longest of n
// bytes: each in turn is combined with what came of those before. No combine is NOT.
func (c *Call) bitop(combine func(dst, src []byte), n int) []byte {
	result := make([]byte, n)
	for i, key := range c.Args[3:] {
		value, _, _ := c.View.String(key)
		switch {
		case combine == nil:
			notBytes(result, value)
		case i == 0:
			copy(result, value)
		default:
			combine(result, value)
		}
	}
	return result
}

// block is how many bytes are combined at a time.
const block = 32

func word(p []byte) uint64       { return binary.NativeEndian.Uint64(p) }
func setWord(p []byte, w uint64) { binary.NativeEndian.PutUint64(p, w) }

// andBytes is dst &= src, which is not longer and ends in zeros.
func andBytes(dst, src []byte) {
	clear(dst[len(src):])
	for ; len(src) >= block; dst, src = dst[block:], src[block:] {
		d, s := dst[:block], src[:block]
		setWord(d, word(d)&word(s))
		setWord(d[8:], word(d[8:])&word(s[8:]))
		setWord(d[16:], word(d[16:])&word(s[16:]))
		setWord(d[24:], word(d[24:])&word(s[24:]))
	}
	for i, b := range src {
		dst[i] &= b
	}
}

// orBytes is dst |= src, which is not longer.
func orBytes(dst, src []byte) {
	for ; len(src) >= block; dst, src = dst[block:], src[block:] {
		d, s := dst[:block], src[:block]
		setWord(d, word(d)|word(s))
		setWord(d[8:], word(d[8:])|word(s[8:]))
		setWord(d[16:], word(d[16:])|word(s[16:]))
		setWord(d[24:], word(d[24:])|word(s[24:]))
	}
	for i, b := range src {
		dst[i] |= b
	}
}

// notBytes is dst = ^src, both of the same length.
func notBytes(dst, src []byte) {
	for ; len(src) >= block; dst, src = dst[block:], src[block:] {
		d, s := dst[:block], src[:block]
		setWord(d, ^word(s))
		setWord(d[8:], ^word(s[8:]))
		setWord(d[16:], ^word(s[16:]))
		setWord(d[24:], ^word(s[24:]))
	}
	for i, b := range src {
		dst[i] = ^b
	}
}

// raw records that key holds value, stored as raw however short it is, which is how Redis stores
// what it has made by bits. at is its expiry in ms since 1970, 0 for none.
func (c *Call) raw(key, value []byte, at int64) {
	if len(value) > state.MaxEmbstr {
		c.Events.Text(key, value, at)
		return
	}
	// What is appended to is raw.
	c.Events.Text(key, value[:0], at)
	c.Events.Append(key, value)
}
