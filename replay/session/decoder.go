package session

import (
	"bytes"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// decoder reads one frame's payload field by field and remembers the first
// error, so that a frame is read as plainly as it is written. Lengths are held
// against what is left of the frame before anything is allocated.
type decoder struct {
	rest *bytes.Reader
	dec  *msgpack.Decoder
	err  error
}

func newDecoder(payload []byte) *decoder {
	r := bytes.NewReader(payload)
	return &decoder{rest: r, dec: msgpack.NewDecoder(r)}
}

func (d *decoder) fail(err error) {
	if d.err == nil && err != nil {
		d.err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
}

// length checks an announced number of elements of at least one byte each.
func (d *decoder) length(n int, err error) int {
	d.fail(err)
	if d.err == nil && (n < 0 || n > d.rest.Len()) {
		d.fail(fmt.Errorf("length %d with %d bytes left in the frame", n, d.rest.Len()))
	}
	if d.err != nil {
		return 0
	}
	return n
}

func (d *decoder) array() int {
	if d.err != nil {
		return 0
	}
	return d.length(d.dec.DecodeArrayLen())
}

func (d *decoder) pairs() int {
	if d.err != nil {
		return 0
	}
	return d.length(d.dec.DecodeMapLen())
}

func (d *decoder) bytes() []byte {
	if d.err != nil {
		return nil
	}
	n := d.length(d.dec.DecodeBytesLen())
	p := make([]byte, n)
	if d.err == nil {
		d.fail(d.dec.ReadFull(p))
	}
	return p
}

// text reads a str; msgpack announces it as it does bytes.
func (d *decoder) text() string { return string(d.bytes()) }

func (d *decoder) args() [][]byte {
	n := d.array()
	args := make([][]byte, 0, n)
	for range n {
		args = append(args, d.bytes())
	}
	return args
}

func (d *decoder) uint() uint64 {
	if d.err != nil {
		return 0
	}
	v, err := d.dec.DecodeUint64()
	d.fail(err)
	return v
}

func (d *decoder) int() int64 {
	if d.err != nil {
		return 0
	}
	v, err := d.dec.DecodeInt64()
	d.fail(err)
	return v
}

func (d *decoder) bool() bool {
	if d.err != nil {
		return false
	}
	v, err := d.dec.DecodeBool()
	d.fail(err)
	return v
}

// end wants the whole payload to have been read.
func (d *decoder) end() error {
	if d.err == nil && d.rest.Len() > 0 {
		d.fail(fmt.Errorf("%d bytes too many in a frame", d.rest.Len()))
	}
	return d.err
}
