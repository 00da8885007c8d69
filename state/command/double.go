package command

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// ParseDouble reads a number as Redis reads scores and weights: what C's strtod takes, all
// of it, without blanks before it; no NaN, none that is too large, nor one that is not 0
// and would become it.
func ParseDouble(text []byte) (f float64, ok bool) {
	if n, ok := ParseInt(text); ok && n > -exactInt && n < exactInt { // as most are
		return float64(n), true
	}
	f, err := strtod(string(text))
	switch {
	case len(text) == 0 || bytes.IndexByte(text, 0) >= 0 || math.IsNaN(f):
		return 0, false
	case err != nil:
		return 0, false
	case f == 0 && hasMantissa(text):
		return 0, false
	}
	return f, true
}

// exactInt is up to where every integer is a double.
const exactInt = 1 << 53

// ParseBound reads a number as Redis reads the ends of a range of scores, which is less
// strict: blanks may stand before it, a zero byte ends it, nothing is 0, and what is too
// large is infinite.
func ParseBound(text []byte) (f float64, ok bool) {
	if i := bytes.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	if len(text) == 0 {
		return 0, true
	}
	f, err := strtod(string(bytes.TrimLeft(text, " \t\n\v\f\r")))
	return f, (err == nil || math.IsInf(f, 0)) && !math.IsNaN(f)
}

// strtod is C's: Go wants an exponent of hexadecimal numbers, and takes underscores.
func strtod(text string) (f float64, err error) {
	if strings.Contains(text, "_") {
		return 0, strconv.ErrSyntax
	}
	digits := strings.TrimLeft(text, "+-")
	if len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' && !strings.ContainsAny(digits, "pP") {
		text += "p0"
	}
	return strconv.ParseFloat(text, 64)
}

// hasMantissa reports whether a number that strtod has read is not 0 by its digits.
func hasMantissa(text []byte) bool {
	exponents := "eE"
	if bytes.ContainsAny(text, "xX") {
		exponents = "pP"
	}
	if i := bytes.IndexAny(text, exponents); i >= 0 {
		text = text[:i]
	}
	return bytes.ContainsAny(text, "123456789abcdefABCDEF")
}
