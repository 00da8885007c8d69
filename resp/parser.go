package resp

import (
	"bytes"
	"math"
	"slices"
)

// Parser turns bytes into commands, as they come. It never reads and never
// waits; it owns the buffer that whoever reads the socket reads into:
//
//	n, err := conn.Read(p.Space())
//	p.Filled(n)
//	for { args, err := p.Next(); … }    until args is nil
//	p.Release(keep)                     once the commands have been executed
//
// Arguments point into the buffer (those of inline commands are copies, since
// their escapes are undone). They are valid until Release, and Space must not
// be called before that while there are any.
//
// # How to read this file
//
// Next goes on where it stopped: of a multi-bulk command that has arrived in part
// the lengths of its arguments are remembered (sizes), not slices of them: the
// buffer moves when it grows, and millions of pointers would be the collector's to
// follow, copy by copy, while they become more. So every byte is looked at once,
// however small the pieces are that it comes in. Only when the last argument is
// there, and their number is known, are the slices made: where each begins follows
// from the lengths before it, as a length can be written in one way only. They are
// made in an arena that Release empties, those of a very wide command in memory of
// its own, which nobody has to clear. A command that is there as a whole needs none
// of that (whole).
type Parser struct {
	buf    []byte // bytes from r to w have arrived and are not handed out
	r, w   int
	chunk  int // size of buf while no command needs more
	limits Limits

	// The multi-bulk command that begins at r, as far as it is known. Places
	// count from r.
	pos   int      // where to go on
	want  int      // arguments still to come; 0: no command has begun
	bulk  int      // bytes of the argument at pos, -1 while its length is not read
	first int      // where the line of the first argument's length begins
	sizes []uint32 // bytes of each argument so far

	args [][]byte // arena for the commands handed out
	err  error    // final
}

// A parser's buffer begins small, so that ten thousand silent connections cost
// little, and doubles while reads fill it.
const (
	minChunk = 2 << 10
	maxChunk = 16 << 10

	// eagerFrom is how much of a command must have arrived, in bytes, for the
	// buffer to grow fourfold: moving an argument of half a gigabyte takes
	// longer than receiving it.
	eagerFrom = 1 << 20
)

// argCost is what one argument of an unfinished command costs beside its bytes:
// its length, twice while there becomes room for more, and its slice later.
const argCost = 32

// keepArena is how many arguments an idle parser keeps room for: those of a full
// buffer of short commands, 18 bytes for each, and what append takes beyond them.
const keepArena = 1536

// NewParser gives a parser with the default limits.
func NewParser() *Parser {
	return &Parser{limits: DefaultLimits(), bulk: -1, chunk: minChunk}
}

// SetLimits changes what is allowed from now on.
func (p *Parser) SetLimits(l Limits) { p.limits = l }

// Space returns room to read into, at least one byte. The buffer grows only
// when it is full of bytes that have arrived, so memory follows what a client
// really sends, not what it announces; but it does not grow beyond the end of
// an argument whose length is known.
func (p *Parser) Space() []byte {
	if len(p.buf)-p.w >= p.chunk/2 {
		return p.buf[p.w:]
	}
	waiting := p.w - p.r
	size := max(p.chunk, 2*waiting)
	if waiting >= eagerFrom {
		size = 4 * waiting
	}
	if end := p.pos + p.bulk + 2; p.bulk >= 0 && end > waiting {
		size = min(size, max(p.chunk, end))
	}
	switch {
	case len(p.buf) < size || len(p.buf) > 4*size:
		p.move(size)
	case p.r > 0:
		copy(p.buf, p.buf[p.r:p.w])
		p.r, p.w = 0, waiting
	}
	return p.buf[p.w:]
}

// move takes what is waiting into a new buffer.
func (p *Parser) move(size int) {
	moved := make([]byte, size)
	p.w = copy(moved, p.buf[p.r:p.w])
	p.r, p.buf = 0, moved
}

// Filled says that n bytes were read into Space.
func (p *Parser) Filled(n int) {
	p.w += n
	if p.w == len(p.buf) && p.chunk < maxChunk {
		p.chunk *= 2
	}
}

// Waiting is the number of bytes that have arrived and are not handed out.
func (p *Parser) Waiting() int { return p.w - p.r }

// Release ends the validity of all commands handed out. keep is how many bytes
// of buffer may stay beyond what is waiting; less than 16 KiB makes a busy
// connection allocate.
func (p *Parser) Release(keep int) {
	if cap(p.args) > keepArena {
		p.args = nil
	} else {
		clear(p.args)
		p.args = p.args[:0]
	}
	waiting := p.w - p.r
	switch large := len(p.buf) > max(keep, 4*waiting); {
	case waiting == 0 && large:
		p.r, p.w, p.buf = 0, 0, nil
	case waiting == 0:
		p.r, p.w = 0, 0
	case large:
		p.move(max(p.chunk, 2*waiting))
	}
}

// Next returns the next whole command, or nil when there is none yet. The error
// is a *ProtocolError and final.
func (p *Parser) Next() ([][]byte, error) {
	for p.r < p.w && p.err == nil {
		var args [][]byte
		var done bool
		if p.want > 0 || p.buf[p.r] == '*' {
			if p.want == 0 {
				if args = p.whole(); args != nil {
					return args, nil
				}
			}
			args, done, p.err = p.multiBulk()
		} else {
			args, done, p.err = p.inline()
		}
		if p.err == nil && !done && p.Waiting()+argCost*len(p.sizes) > p.limits.Buffer {
			p.err = protocolError("query buffer limit of %d bytes exceeded", p.limits.Buffer)
		}
		if p.err != nil || !done {
			break
		}
		if len(args) > 0 {
			return args, nil
		}
	}
	return nil, p.err
}

// line finds the line that begins at pos: its content, and where the next one
// begins. ok is false while its end has not arrived. What is too long for a line
// is too long whether it has an end or not: otherwise the answer would depend on
// how the bytes were cut on their way.
func (p *Parser) line(pos int, what string) (line []byte, next int, ok bool, err error) {
	data := p.buf[p.r+pos : p.w]
	end := bytes.IndexByte(data, '\r')
	if end < 0 {
		end = len(data)
	}
	if end > p.limits.Inline {
		return nil, 0, false, protocolError("too big %s count string", what)
	}
	if end+1 >= len(data) {
		return nil, 0, false, nil
	}
	return data[:end], pos + end + 2, true, nil
}

// wholeArgs is how many arguments a command may have for whole to take it.
const wholeArgs = 64

// whole takes the multi-bulk command at r in one go where all of it has arrived and
// nothing about it is out of the ordinary, as with nearly all. nil: multiBulk knows.
func (p *Parser) whole() [][]byte {
	data, from := p.buf[p.r:p.w], len(p.args)
	n, at := count(data, 0, '*')
	if at == 0 || n == 0 || n > min(wholeArgs, p.limits.Args) {
		return nil
	}
	for range n {
		size, next := count(data, at, '$')
		at = next + size + 2
		if next == 0 || size > p.limits.Bulk || at > len(data) {
			clear(p.args[from:]) // they would hold the buffer
			p.args = p.args[:from]
			return nil
		}
		p.args = append(p.args, data[next:next+size:next+size])
	}
	p.r += at
	return p.args[from:len(p.args):len(p.args)]
}

// count reads the line of a sign and a number of at most 7 digits. next is where the
// line behind it begins, 0 where it is anything else.
func count(data []byte, at int, sign byte) (n, next int) {
	if at >= len(data) || data[at] != sign {
		return 0, 0
	}
	for i := at + 1; i < len(data) && i < at+9; i++ {
		switch c := data[i] - '0'; {
		case c <= 9:
			n = n*10 + int(c)
		case data[i] == '\r' && i > at+1 && (data[at+1] != '0' || i == at+2):
			return n, i + 2
		default:
			return 0, 0
		}
	}
	return 0, 0
}

// minSizes is how many arguments there is room to note for at first, unless fewer
// are announced. It doubles as they arrive.
const minSizes = 128

// multiBulk goes on with the command at r.
func (p *Parser) multiBulk() (args [][]byte, done bool, err error) {
	if p.want == 0 {
		if done, err := p.begin(); done || err != nil || p.want == 0 {
			return nil, done, err
		}
	}
	for p.want > 0 {
		if ok, err := p.bulkHead(); !ok {
			return nil, false, err
		}
		if p.w-p.r-p.pos < p.bulk+2 {
			return nil, false, nil
		}
		if n := len(p.sizes); n == cap(p.sizes) {
			p.sizes = slices.Grow(p.sizes, min(n+minSizes, p.want))
		}
		p.sizes = append(p.sizes, uint32(p.bulk))
		p.pos += p.bulk + 2
		p.bulk = -1
		p.want--
	}
	return p.collect(), true, nil
}

// begin reads the "*n" line. done: it was an empty command.
func (p *Parser) begin() (done bool, err error) {
	line, next, ok, err := p.line(0, "mbulk")
	if !ok {
		return false, err
	}
	n, valid := parseInt(line[1:])
	switch {
	case !valid || n > math.MaxInt32 || n > int64(p.limits.Args) && !p.limits.Untrusted:
		return false, protocolError("invalid multibulk length")
	case n > int64(p.limits.Args):
		return false, protocolError("unauthenticated multibulk length")
	case n <= 0:
		p.r += next
		return true, nil
	}
	p.want, p.pos, p.bulk, p.first, p.sizes = int(n), next, -1, next, p.sizes[:0]
	return false, nil
}

// bulkHead reads the "$n" line of the next argument, once.
func (p *Parser) bulkHead() (ok bool, err error) {
	if p.bulk >= 0 {
		return true, nil
	}
	if n, next := count(p.buf[p.r:p.w], p.pos, '$'); next > 0 && next <= p.Waiting() && n <= p.limits.Bulk {
		p.bulk, p.pos = n, next
		return true, nil
	}
	line, next, ok, err := p.line(p.pos, "bulk")
	if !ok {
		return false, err
	}
	if c := p.buf[p.r+p.pos]; c != '$' {
		return false, &ProtocolError{"expected '$', got '" + string([]byte{c}) + "'"}
	}
	n, valid := parseInt(line[1:])
	switch {
	case !valid || n < 0 || n > maxBulk || n > int64(p.limits.Bulk) && !p.limits.Untrusted:
		return false, protocolError("invalid bulk length")
	case n > int64(p.limits.Bulk):
		return false, protocolError("unauthenticated bulk length")
	}
	p.bulk, p.pos = int(n), next
	return true, nil
}

// collect makes the arguments of the finished command and moves on behind it.
func (p *Parser) collect() [][]byte {
	args, data, at := p.room(len(p.sizes)), p.buf[p.r:p.w], p.first
	for i, n := range p.sizes {
		at += bulkLine(n)
		end := at + int(n)
		args[i] = data[at:end:end]
		at = end + 2
	}
	p.r += p.pos
	p.pos, p.sizes = 0, p.sizes[:0]
	if cap(p.sizes) > keepArena {
		p.sizes = nil
	}
	return args
}

// room makes room for n arguments.
func (p *Parser) room(n int) [][]byte {
	if n > keepArena {
		return make([][]byte, n)
	}
	from := len(p.args)
	p.args = slices.Grow(p.args, n)[:from+n]
	return p.args[from : from+n : from+n]
}

// bulkLine is how long the line of an argument's length is: "$", digits without
// leading zeros, and its end.
func bulkLine(n uint32) int {
	bytes := len("$0\r\n")
	for ; n >= 10; n /= 10 {
		bytes++
	}
	return bytes
}

// inline reads a line of words.
func (p *Parser) inline() (args [][]byte, done bool, err error) {
	data := p.buf[p.r:p.w]
	end := bytes.IndexByte(data, '\n')
	if end > p.limits.Inline || end < 0 && len(data) > p.limits.Inline {
		return nil, false, protocolError("too big inline request")
	}
	if end < 0 {
		return nil, false, nil
	}
	p.r += end + 1
	line := bytes.TrimSuffix(data[:end], []byte{'\r'})
	from := len(p.args)
	p.args, err = appendWords(p.args, line)
	if err != nil {
		return nil, false, err
	}
	return p.args[from:len(p.args):len(p.args)], true, nil
}

// parseInt reads a decimal number of 64 bits as Redis' string2ll does: no blanks,
// no plus, no leading zeros, no minus zero.
func parseInt(b []byte) (n int64, ok bool) {
	digits, negative := b, false
	if len(b) > 0 && b[0] == '-' {
		digits, negative = b[1:], true
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && (len(digits) > 1 || negative) {
		return 0, false
	}
	var size uint64 // 19 digits fit
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		size = size*10 + uint64(c-'0')
	}
	if negative {
		return -int64(size), size <= 1<<63
	}
	return int64(size), size < 1<<63
}
