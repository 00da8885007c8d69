package resp

import (
	"bytes"
	"fmt"
	"math"
)

// Limits bound what one request may cost before it is known to be one.
type Limits struct {
	Bulk   int // bytes of one argument
	Args   int // arguments of one command
	Inline int // bytes of an inline command, and of a count line
	Buffer int // bytes that may wait in a parser, whole and half commands
}

// DefaultLimits are Redis' own.
func DefaultLimits() Limits {
	return Limits{Bulk: 512 << 20, Args: math.MaxInt32, Inline: 64 << 10, Buffer: 1 << 30}
}

// UntrustedLimits hold for a client that has not authenticated itself yet: it
// has nothing to say but AUTH or HELLO.
func UntrustedLimits() Limits {
	return Limits{Bulk: 16 << 10, Args: 10, Inline: 64 << 10, Buffer: 1 << 20}
}

// ProtocolError says that the bytes can never become a command. Its text is
// Redis', to be answered as "-ERR Protocol error: …" before the connection is
// closed.
type ProtocolError struct{ What string }

// Error is the reply's text.
func (e *ProtocolError) Error() string { return "ERR Protocol error: " + e.What }

func protocolError(format string, args ...any) error {
	return &ProtocolError{fmt.Sprintf(format, args...)}
}

// Parser turns bytes into commands, as they come. It owns the buffer that they
// are read into:
//
//	n, err := conn.Read(p.Space())
//	p.Filled(n)
//	for { args, err := p.Next(); … }    until args is nil
//	p.Release()                         once the commands have been executed
//
// Arguments point into the buffer; they are valid until Release, and Space must
// not be called before that while there are any.
type Parser struct {
	buf    []byte // bytes from r to w have arrived
	r, w   int
	limits Limits

	// The multi-bulk command that begins at r, as far as it is known. Places
	// count from r.
	pos   int   // where to go on
	want  int   // arguments still to come
	bulk  int   // bytes of the argument at pos, -1 while its length is not read
	spans []int // begin and end of each argument so far

	args [][]byte // arena for the commands handed out
	err  error    // final
}

// minRead is the size that a buffer begins with; Space gives at least half of
// it.
const minRead = 16 << 10

// NewParser gives a parser with the default limits.
func NewParser() *Parser { return &Parser{limits: DefaultLimits(), bulk: -1} }

// SetLimits changes what is allowed from now on.
func (p *Parser) SetLimits(l Limits) { p.limits = l }

// Space returns room to read into. The buffer grows only when it is full of
// bytes that have arrived, so memory follows what a client really sends.
func (p *Parser) Space() []byte {
	if len(p.buf)-p.w >= minRead/2 {
		return p.buf[p.w:]
	}
	waiting := p.w - p.r
	if len(p.buf)-waiting >= minRead/2 && waiting <= len(p.buf)/2 {
		copy(p.buf, p.buf[p.r:p.w])
	} else {
		grown := make([]byte, max(minRead, 2*waiting))
		copy(grown, p.buf[p.r:p.w])
		p.buf = grown
	}
	p.r, p.w = 0, waiting
	return p.buf[p.w:]
}

// Filled says that n bytes were read into Space.
func (p *Parser) Filled(n int) { p.w += n }

// Waiting is the number of bytes that have arrived and are not handed out.
func (p *Parser) Waiting() int { return p.w - p.r }

// Release ends the validity of all commands handed out. keep is how many bytes
// of buffer an idle connection may keep.
func (p *Parser) Release(keep int) {
	clear(p.args)
	p.args = p.args[:0]
	if cap(p.args) > 4096 {
		p.args = nil
	}
	if p.r == p.w {
		p.r, p.w = 0, 0
		if len(p.buf) > keep {
			p.buf = nil
		}
	}
}

// Next returns the next whole command, or nil when there is none yet. The error
// is a *ProtocolError and final.
func (p *Parser) Next() ([][]byte, error) {
	for p.r < p.w && p.err == nil {
		var args [][]byte
		var done bool
		var err error
		if p.want > 0 || p.buf[p.r] == '*' {
			args, done, err = p.multiBulk()
		} else {
			args, done, err = p.inline()
		}
		if err != nil || !done {
			if err == nil && p.Waiting() > p.limits.Buffer {
				err = protocolError("query buffer limit of %d bytes exceeded", p.limits.Buffer)
			}
			p.err = err
			return nil, err
		}
		if len(args) > 0 {
			return args, nil
		}
	}
	return nil, p.err
}

// line finds the line that begins at pos: its content, and where the next one
// begins. ok is false while its end has not arrived.
func (p *Parser) line(pos int) (line []byte, next int, ok bool) {
	data := p.buf[p.r+pos : p.w]
	i := bytes.IndexByte(data, '\r')
	if i < 0 || i+1 >= len(data) {
		return data, 0, false
	}
	return data[:i], pos + i + 2, true
}

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
		p.spans = append(p.spans, p.pos, p.pos+p.bulk)
		p.pos += p.bulk + 2
		p.bulk = -1
		p.want--
	}
	return p.collect(), true, nil
}

// begin reads the "*n" line. done: it was an empty command.
func (p *Parser) begin() (done bool, err error) {
	line, next, ok := p.line(0)
	if !ok {
		if len(line) > p.limits.Inline {
			return false, protocolError("too big mbulk count string")
		}
		return false, nil
	}
	n, valid := parseInt(line[1:])
	switch {
	case !valid || n > int64(p.limits.Args) && n > math.MaxInt32:
		return false, protocolError("invalid multibulk length")
	case n > int64(p.limits.Args):
		return false, protocolError("unauthenticated multibulk length")
	case n <= 0:
		p.r += next
		return true, nil
	}
	p.want, p.pos, p.bulk, p.spans = int(n), next, -1, p.spans[:0]
	return false, nil
}

// bulkHead reads the "$n" line of the next argument, once.
func (p *Parser) bulkHead() (ok bool, err error) {
	if p.bulk >= 0 {
		return true, nil
	}
	line, next, ok := p.line(p.pos)
	if !ok {
		if len(line) > p.limits.Inline {
			return false, protocolError("too big bulk count string")
		}
		return false, nil
	}
	if len(line) == 0 || line[0] != '$' {
		return false, protocolError("expected '$', got '%s'", firstChar(p.buf[p.r+p.pos]))
	}
	n, valid := parseInt(line[1:])
	switch {
	case !valid || n < 0 || n > int64(p.limits.Bulk) && n > 16<<10:
		if valid && n > 16<<10 && n <= int64(DefaultLimits().Bulk) && p.limits.Bulk == UntrustedLimits().Bulk {
			return false, protocolError("unauthenticated bulk length")
		}
		return false, protocolError("invalid bulk length")
	}
	p.bulk, p.pos = int(n), next
	return true, nil
}

// firstChar shows a byte as Redis does in its errors.
func firstChar(c byte) string {
	if c < ' ' || c > '~' {
		return " "
	}
	return string(rune(c))
}

// collect makes the arguments of the finished command and moves on behind it.
func (p *Parser) collect() [][]byte {
	from := len(p.args)
	data := p.buf[p.r:p.w]
	for i := 0; i < len(p.spans); i += 2 {
		p.args = append(p.args, data[p.spans[i]:p.spans[i+1]:p.spans[i+1]])
	}
	p.r += p.pos
	p.pos, p.spans = 0, p.spans[:0]
	if cap(p.spans) > 4096 {
		p.spans = nil
	}
	return p.args[from:len(p.args):len(p.args)]
}

// inline reads a line of words.
func (p *Parser) inline() (args [][]byte, done bool, err error) {
	data := p.buf[p.r:p.w]
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		if len(data) > p.limits.Inline {
			return nil, false, protocolError("too big inline request")
		}
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

// parseInt reads a decimal number as Redis' string2ll does: no blanks, no plus,
// no leading zeros.
func parseInt(b []byte) (n int64, ok bool) {
	digits, negative := b, false
	if len(b) > 0 && b[0] == '-' {
		digits, negative = b[1:], true
	}
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' && (len(digits) > 1 || negative) {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}
