package resp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// AppendCommand appends a request of the given arguments to dst.
func AppendCommand(dst []byte, args ...[]byte) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(len(args)), 10)
	dst = append(dst, '\r', '\n')
	for _, a := range args {
		dst = append(dst, '$')
		dst = strconv.AppendInt(dst, int64(len(a)), 10)
		dst = append(dst, '\r', '\n')
		dst = append(dst, a...)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// ErrReply is returned when what a server sent is no reply.
var ErrReply = errors.New("malformed reply")

// Bounds on what a server may send.
const (
	maxDepth = 64      // nested aggregates
	maxLine  = 1 << 20 // bytes of one line
	maxReply = 1 << 30 // bytes of one string
	maxItems = 1 << 28 // elements of one aggregate
)

// Value is one reply. Kind is its first byte on the wire; ($ - : + # , ( = and
// the aggregates * ~ % > |). A null is Kind '_', in RESP2 too.
type Value struct {
	Kind  byte
	Str   []byte  // text of + - $ = , (
	Int   int64   // of : and #
	Items []Value // of aggregates; a map's keys and values in turn
}

// IsError reports whether the reply is an error.
func (v Value) IsError() bool { return v.Kind == '-' || v.Kind == '!' }

// IsNull reports the absence of a value.
func (v Value) IsNull() bool { return v.Kind == '_' }

// Text is the text of a string, number or error; "" for the rest.
func (v Value) Text() string {
	if v.Kind == ':' {
		return strconv.FormatInt(v.Int, 10)
	}
	return string(v.Str)
}

// Reader reads replies.
type Reader struct {
	in  *bufio.Reader
	raw []byte // of the reply being read, where it is wanted
	tee bool
}

// NewReader reads replies from r.
func NewReader(r io.Reader) *Reader {
	if in, ok := r.(*bufio.Reader); ok {
		return &Reader{in: in}
	}
	return &Reader{in: bufio.NewReader(r)}
}

// Read returns the next reply; attributes, which may stand before any value,
// are dropped. The error wraps ErrReply, or is that of the reader.
func (r *Reader) Read() (Value, error) { return r.plain(0) }

// plain reads a value that is no attribute.
func (r *Reader) plain(depth int) (Value, error) {
	for {
		v, err := r.value(depth)
		if err != nil || v.Kind != '|' {
			return v, err
		}
	}
}

// ReadRaw returns the next reply in wire form.
func (r *Reader) ReadRaw() ([]byte, error) {
	r.raw, r.tee = nil, true
	defer func() { r.tee = false }()
	_, err := r.Read()
	return r.raw, err
}

func (r *Reader) value(depth int) (Value, error) {
	if depth > maxDepth {
		return Value{}, fmt.Errorf("%w: nested deeper than %d", ErrReply, maxDepth)
	}
	line, err := r.line()
	if err != nil {
		return Value{}, err
	}
	v := Value{Kind: line[0]}
	rest := line[1:]
	switch v.Kind {
	case '+', '-', ',', '(':
		v.Str = bytes.Clone(rest)
	case ':':
		v.Int, err = strconv.ParseInt(string(rest), 10, 64)
	case '#':
		switch string(rest) {
		case "t":
			v.Int = 1
		case "f":
		default:
			return v, fmt.Errorf("%w: %q", ErrReply, line)
		}
	case '_':
	case '$', '=', '!':
		return r.bulk(v, rest)
	case '*', '~', '>', '%', '|':
		return r.aggregate(v, rest, depth)
	default:
		return v, fmt.Errorf("%w: it begins with %q", ErrReply, v.Kind)
	}
	if err != nil {
		return v, fmt.Errorf("%w: %q", ErrReply, line)
	}
	return v, nil
}

// line reads up to CRLF; it is valid until the next read and not empty.
func (r *Reader) line() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		full := bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) && len(full) < maxLine {
			line, err = r.in.ReadSlice('\n')
			full = append(full, line...)
		}
		line = full
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%w: a line of more than %d bytes", ErrReply, maxLine)
	}
	if err != nil {
		return nil, err
	}
	if r.tee {
		r.raw = append(r.raw, line...)
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return nil, fmt.Errorf("%w: line %q", ErrReply, line)
	}
	return line[:len(line)-2], nil
}

func (r *Reader) bulk(v Value, length []byte) (Value, error) {
	n, ok := parseInt(length)
	if !ok || n < -1 || n > maxReply {
		return v, fmt.Errorf("%w: length %q", ErrReply, length)
	}
	if n == -1 {
		return Value{Kind: '_'}, nil
	}
	var buf bytes.Buffer // grows by what arrives, not by what was announced
	if got, err := io.CopyN(&buf, r.in, n+2); err != nil {
		return v, fmt.Errorf("after %d of %d bytes: %w", got, n, unexpected(err))
	}
	if r.tee {
		r.raw = append(r.raw, buf.Bytes()...)
	}
	if !bytes.HasSuffix(buf.Bytes(), []byte("\r\n")) {
		return v, fmt.Errorf("%w: a string of %d bytes does not end there", ErrReply, n)
	}
	v.Str = buf.Bytes()[:n]
	return v, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *Reader) aggregate(v Value, length []byte, depth int) (Value, error) {
	n, ok := parseInt(length)
	if !ok || n < -1 || n > maxItems {
		return v, fmt.Errorf("%w: length %q", ErrReply, length)
	}
	if n == -1 {
		return Value{Kind: '_'}, nil
	}
	if v.Kind == '%' || v.Kind == '|' {
		n *= 2
	}
	v.Items = make([]Value, 0, min(n, 1024))
	for range n {
		item, err := r.plain(depth + 1)
		if err != nil {
			return v, unexpected(err)
		}
		v.Items = append(v.Items, item)
	}
	return v, nil
}

// String is the reply as redis-cli shows it on a terminal.
func (v Value) String() string {
	var b strings.Builder
	v.render(&b, "")
	return strings.TrimSuffix(b.String(), "\n")
}

func (v Value) render(b *strings.Builder, indent string) {
	switch v.Kind {
	case '+', '=':
		b.WriteString(verbatimText(v))
	case '-', '!':
		b.WriteString("(error) " + string(v.Str))
	case ':':
		b.WriteString("(integer) " + strconv.FormatInt(v.Int, 10))
	case ',':
		b.WriteString("(double) " + string(v.Str))
	case '(':
		b.WriteString("(big number) " + string(v.Str))
	case '#':
		b.WriteString(map[int64]string{0: "(false)", 1: "(true)"}[v.Int])
	case '_':
		b.WriteString("(nil)")
	case '$':
		b.WriteString(Quote(v.Str))
	default:
		v.renderItems(b, indent)
		return
	}
	b.WriteByte('\n')
}

// verbatimText leaves out the format that a verbatim string begins with.
func verbatimText(v Value) string {
	if v.Kind == '=' && len(v.Str) >= 4 {
		return string(v.Str[4:])
	}
	return string(v.Str)
}

func (v Value) renderItems(b *strings.Builder, indent string) {
	if len(v.Items) == 0 {
		b.WriteString(map[byte]string{'*': "(empty array)", '~': "(empty set)", '%': "(empty hash)", '>': "(empty push)"}[v.Kind] + "\n")
		return
	}
	step, mark := 1, map[byte]string{'*': ")", '~': "~", '>': ")", '%': "#"}[v.Kind]
	if v.Kind == '%' {
		step = 2
	}
	width := len(strconv.Itoa(len(v.Items) / step))
	for i := 0; i+step <= len(v.Items); i += step {
		if i > 0 {
			b.WriteString(indent)
		}
		fmt.Fprintf(b, "%*d%s ", width, i/step+1, mark)
		deeper := indent + strings.Repeat(" ", width+2)
		if step == 2 {
			key := v.Items[i].String()
			b.WriteString(key + " => ")
			deeper += strings.Repeat(" ", len(key)+4)
		}
		v.Items[i+step-1].render(b, deeper)
	}
}

// Quote writes bytes as redis-cli does: in double quotes, with escapes for what
// is not printable ASCII. SplitWords reads it back.
func Quote(p []byte) string { return string(AppendQuote(nil, p)) }

// AppendQuote appends what Quote gives.
func AppendQuote(dst, p []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range p {
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\a':
			dst = append(dst, `\a`...)
		case '\b':
			dst = append(dst, `\b`...)
		default:
			if c < ' ' || c > '~' {
				dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}
