package command

import "math"

// Error texts that several commands answer, in Redis' words. Clients match on
// some of them, so none may change.
const (
	TextSyntax      = "ERR syntax error"
	TextNotInteger  = "ERR value is not an integer or out of range"
	textNoOpposite  = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
	TextNotFloat    = "ERR value is not a valid float"
	TextOutOfRange  = "ERR value is out of range"
	TextOverflow    = "ERR increment or decrement would overflow"
	TextNaNOrInf    = "ERR increment would produce NaN or Infinity"
	TextNoSuchKey   = "ERR no such key"
	TextTooLong     = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	textTooMuch     = "ERR the reply would be too large (more than 1 GiB, or 128 MiB of values below 16 KiB): ask for less at once"
	textChange      = "ERR this change is larger than an entry of the log can be (1 GiB)"
	TextOffsetRange = "ERR offset is out of range"
)

// MaxString is the size that no string value may exceed, in bytes: Redis'
// default for proto-max-bulk-len. It is a constant here, since a value that was
// once accepted must be accepted again when it is replayed.
const MaxString = 512 << 20

// Fail answers err, whose text begins with its code: state.ErrWrongType for
// the most part.
func (c *Call) Fail(err error) { c.Out.Error(err.Error()) }

// WrongArity answers that the number of arguments is wrong, for what the
// table's arity cannot say (MSET wants pairs).
func (c *Call) WrongArity() { c.Out.Error(c.Spec.arityText()) }

// InvalidExpire answers that an expiry is not positive or overflows.
func (c *Call) InvalidExpire() {
	c.Out.Error("ERR invalid expire time in '" + c.Spec.FullName() + "' command")
}

// Int reads Args[i] as an integer. If it is none, Int answers so and returns
// false, and the command is over.
func (c *Call) Int(i int) (n int64, ok bool) {
	n, ok = ParseInt(c.Args[i])
	if !ok {
		c.Out.Error(TextNotInteger)
	}
	return n, ok
}

// Is reports whether Args[i] is word, whatever its case. word is upper case.
func (c *Call) Is(i int, word string) bool { return IsWord(c.Args[i], word) }

// IsWord reports whether arg is word, whatever its case. word is upper case.
// As in Redis, which compares C strings, arg ends at its first zero byte.
func IsWord(arg []byte, word string) bool {
	if len(arg) < len(word) || len(arg) > len(word) && arg[len(word)] != 0 {
		return false
	}
	for i := range word {
		b := arg[i]
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		if b != word[i] {
			return false
		}
	}
	return true
}

// maxIntLen is the length of "-9223372036854775808".
const maxIntLen = 20

// ParseInt reads a signed 64-bit integer in its one canonical form, the one
// that strconv.AppendInt writes: no plus sign, no leading zero or space, no
// "-0". It is Redis' string2ll: what it accepts is also what is stored with
// the encoding int.
func ParseInt(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > maxIntLen {
		return 0, false
	}
	if len(b) == 1 && b[0] == '0' {
		return 0, true
	}
	negative := b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) == 0 || b[0] < '1' || b[0] > '9' {
		return 0, false
	}
	var u uint64
	for _, d := range b {
		d -= '0'
		if d > 9 || u > math.MaxUint64/10 {
			return 0, false
		}
		u *= 10
		if u > math.MaxUint64-uint64(d) {
			return 0, false
		}
		u += uint64(d)
	}
	switch {
	case negative && u <= 1<<63:
		return -int64(u), true // of 1<<63 it is MinInt64 itself
	case !negative && u <= math.MaxInt64:
		return int64(u), true
	}
	return 0, false
}
