package command

import "github.com/altilium-db/altilium/state"

// A patch changes a string here and there. What is stored is recorded at once, as Range events, and
// remembered byte by byte for what is loaded after it: neither a long string nor the
// way between two places in it is copied.
type patch struct {
	c       *Call
	key     []byte
	value   state.Bytes    // what the key holds, as the View shows it
	written map[int64]byte // by the offset in bytes; nil as long as nothing is to be remembered
	end     int64          // how long the string is with what is recorded, in bytes
}

func newPatch(c *Call, key []byte, value state.Bytes) patch {
	return patch{c: c, key: key, value: value, end: int64(value.Len())}
}

// patchBytes is how many bytes are loaded at once: 64 bits that begin anywhere lie in
// so many.
const patchBytes = 9

// load is what the string holds from an offset on, zeros behind its end.
func (p *patch) load(at int64) (b [patchBytes]byte) {
	if at, n := int(at), p.value.Len(); at < n {
		copy(b[:], p.value.Part(at, min(n, at+len(b))))
	}
	if p.written != nil {
		for i := range b {
			if w, ok := p.written[at+int64(i)]; ok {
				b[i] = w
			}
		}
	}
	return b
}

// store changes what was loaded from an offset to b. more says that there may be
// another load after it.
func (p *patch) store(at int64, was, b [patchBytes]byte, more bool) {
	first, last := 0, len(b)
	for first < last && b[first] == was[first] {
		first++
	}
	for first < last && b[last-1] == was[last-1] {
		last--
	}
	if first == last {
		return
	}
	at += int64(first)
	p.c.Events.Range(p.key, at, b[first:last])
	p.end = max(p.end, at+int64(last-first))
	if !more {
		return
	}
	if p.written == nil {
		p.written = make(map[int64]byte)
	}
	for i, x := range b[first:last] {
		p.written[at+int64(i)] = x
	}
}

// lengthen records that the string is n bytes long at least, padded with zeros.
func (p *patch) lengthen(n int64) {
	if n > p.end {
		var zero [1]byte
		p.c.Events.Range(p.key, n-1, zero[:])
		p.end = n
	}
}

// replace records that key, which holds the string old or, if that is nil, nothing, now
// holds another, stored as raw. Its expiry stays. Only what differs is recorded; if nothing
// does, it is the byte at the place least.
func (c *Call) replace(key, old, value []byte, least int) {
	if len(value) < len(old) {
		at, _ := c.View.ExpireAt(key)
		c.raw(key, value, at)
		return
	}
	first, last := 0, len(value)
	for first < len(old) && old[first] == value[first] {
		first++
	}
	if len(old) == len(value) {
		for last > first && old[last-1] == value[last-1] {
			last--
		}
	}
	if first == last {
		first, last = least, least+1
	}
	c.Events.Range(key, int64(first), value[first:last])
}
