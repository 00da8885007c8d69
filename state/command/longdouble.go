package command

import (
	"bytes"
	"math"
	"math/big"
)

// LongDouble is a number of C's long double on x86-64, the type in which Redis
// adds floating point numbers: 64 bits of mantissa, rounded to even, exponents
// up to 2^16383. With a float64 instead 0.1+0.2 would be 0.30000000000000004
// and not 0.3. The zero value is 0.
type LongDouble struct {
	f   *big.Float // of precision longDoublePrec; nil is 0
	inf bool       // infinite, with either sign; f means nothing then
}

const (
	longDoublePrec   = 64
	longDoubleMaxExp = 16384  // all numbers are below 2^16384
	longDoubleMinExp = -16445 // half the smallest one, 2^-16445, is rounded to 0

	// maxLongDoubleText is the length from which on Redis takes no text for a
	// number.
	maxLongDoubleText = 5 * 1024

	// longDoubleDigits is how many decimal places are printed.
	longDoubleDigits = 17
)

// IsInf reports whether n is infinite.
func (n LongDouble) IsInf() bool { return n.inf }

// Thousandths is the least integer that is not below a thousand times n; false where that
// is above all 64-bit integers. One below them is the least of those.
func (n LongDouble) Thousandths() (i int64, ok bool) {
	if n.inf {
		return 0, false
	}
	if n.f == nil {
		return 0, true
	}
	f := longDouble().Mul(n.f, big.NewFloat(1000))
	i, accuracy := f.Int64() // towards zero
	switch {
	case accuracy == big.Exact:
		return i, true
	case f.Sign() < 0:
		return i, true
	case i == math.MaxInt64:
		return 0, false
	}
	return i + 1, true
}

// ParseLongDouble reads a number as strtold does: decimal or hexadecimal, with
// or without fraction and exponent, inf and infinity in whatever case. It must
// be all of text. NaN is not accepted, nor a number too large to represent or
// so small that it would become 0.
func ParseLongDouble(text []byte) (n LongDouble, ok bool) {
	if len(text) == 0 || len(text) >= maxLongDoubleText || bytes.IndexByte(text, 0) >= 0 {
		return n, false
	}
	negative := text[0] == '-'
	if negative || text[0] == '+' {
		text = text[1:]
	}
	if IsWord(text, "INF") || IsWord(text, "INFINITY") {
		return LongDouble{inf: true}, true
	}
	if len(text) > 2 && text[0] == '0' && text[1]|0x20 == 'x' {
		n.f, ok = parseHexadecimal(text[2:])
	} else {
		n.f, ok = parseDecimal(text)
	}
	if !ok || n.f == nil {
		return n, ok
	}
	if !representable(n.f) {
		return LongDouble{}, false
	}
	if negative {
		n.f.Neg(n.f)
	}
	return n, true
}

// Add returns n + d, false if that is infinite or no number.
func (n LongDouble) Add(d LongDouble) (sum LongDouble, ok bool) {
	switch {
	case n.inf || d.inf:
		return sum, false
	case d.f == nil:
		return n, true
	case n.f == nil:
		return d, true
	}
	sum.f = longDouble().Add(n.f, d.f)
	return sum, sum.f.MantExp(nil) <= longDoubleMaxExp
}

// Append appends n, which is finite, as Redis prints it for people: 17 decimal
// places without the zeros at their end, and never "-0".
func (n LongDouble) Append(dst []byte) []byte {
	if n.f == nil {
		return append(dst, '0')
	}
	start := len(dst)
	return trimDecimals(n.f.Append(dst, 'f', longDoubleDigits), start)
}

// trimDecimals takes the zeros at the end off a number with decimals that begins at start.
func trimDecimals(dst []byte, start int) []byte {
	dst = bytes.TrimRight(dst, "0") // stops at the point, if not before
	dst = bytes.TrimSuffix(dst, []byte{'.'})
	if string(dst[start:]) == "-0" {
		dst = append(dst[:start], '0')
	}
	return dst
}

func longDouble() *big.Float {
	return new(big.Float).SetPrec(longDoublePrec).SetMode(big.ToNearestEven)
}

// representable reports whether f, not negative, is neither too large nor
// rounded to 0.
func representable(f *big.Float) bool {
	half := new(big.Float).SetMantExp(big.NewFloat(0.5), longDoubleMinExp)
	return f.MantExp(nil) <= longDoubleMaxExp && f.Cmp(half) > 0
}

// parseDecimal reads digits[.digits][e[+-]digits] and rounds once, from the
// exact value. f is nil for 0.
func parseDecimal(text []byte) (f *big.Float, ok bool) {
	digits, places, rest, ok := mantissa(text, isDigit)
	if !ok {
		return nil, false
	}
	exp, ok := exponent(rest, 'e')
	if !ok || len(digits) == 0 {
		return nil, ok
	}
	exp -= places
	// Far outside of any long double: no need for a power of ten of that size.
	if magnitude := exp + len(digits); magnitude > maxLongDoubleText || magnitude < -maxLongDoubleText {
		return nil, false
	}
	m, _ := new(big.Int).SetString(string(digits), 10)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
	if exp >= 0 {
		return longDouble().SetInt(m.Mul(m, power)), true
	}
	// SetInt without a precision is exact; Quo rounds to the receiver's.
	return longDouble().Quo(new(big.Float).SetInt(m), new(big.Float).SetInt(power)), true
}

// parseHexadecimal reads what follows 0x: digits[.digits][p[+-]digits], where
// the exponent is decimal and counts powers of two.
func parseHexadecimal(text []byte) (f *big.Float, ok bool) {
	digits, places, rest, ok := mantissa(text, isHexDigit)
	if !ok {
		return nil, false
	}
	exp, ok := exponent(rest, 'p')
	if !ok || len(digits) == 0 {
		return nil, ok
	}
	m, _ := new(big.Int).SetString(string(digits), 16)
	f = longDouble().SetInt(m)
	return f.SetMantExp(f, exp-4*places), true
}

// mantissa reads digits with at most one point among them. It returns them
// without the point and without leading zeros, how many stood after the point,
// and what follows. There must be one digit at least.
func mantissa(text []byte, isDigit func(byte) bool) (digits []byte, places int, rest []byte, ok bool) {
	point, any := false, false
	for len(text) > 0 {
		b := text[0]
		switch {
		case b == '.' && !point:
			point = true
		case !isDigit(b):
			return digits, places, text, any
		default:
			any = true
			if point {
				places++
			}
			if b != '0' || len(digits) > 0 {
				digits = append(digits, b)
			}
		}
		text = text[1:]
	}
	return digits, places, text, any
}

// maxExponent is where exponents are cut off, far beyond what a long double
// with a mantissa as long as its text may be can hold.
const maxExponent = 1 << 20

// exponent reads letter, sign and digits, or nothing, to the end of text.
func exponent(text []byte, letter byte) (exp int, ok bool) {
	if len(text) == 0 {
		return 0, true
	}
	if text[0]|0x20 != letter {
		return 0, false
	}
	text = text[1:]
	negative := len(text) > 0 && text[0] == '-'
	if len(text) > 0 && (negative || text[0] == '+') {
		text = text[1:]
	}
	if len(text) == 0 {
		return 0, false
	}
	for _, b := range text {
		if !isDigit(b) {
			return 0, false
		}
		exp = min(maxExponent, exp*10+int(b-'0'))
	}
	if negative {
		exp = -exp
	}
	return exp, true
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func isHexDigit(b byte) bool {
	return isDigit(b) || 'a' <= b|0x20 && b|0x20 <= 'f'
}
