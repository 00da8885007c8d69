package command

import "bytes"

// Glob reports whether text matches a glob pattern:
//
//	?      one byte            [a-z]  one of these, ranges either way round
//	*      any bytes           [^a]   one that is not
//	\c     c itself            [      unclosed: runs to the end of the pattern
//
// With nocase the case of ASCII letters does not matter. Every oddity is that of
// Redis' stringmatchlen, since patterns that people use may rest on it:
//
//   - an empty text matches the empty pattern only, not even "*" (commands that
//     take a pattern treat the one star alone as no pattern at all);
//   - a class has no room for a plain ']', "[]a]" matches nothing;
//   - the ends of a range are signed bytes, as in C on most machines: 0x80 to
//     0xff come before 0x00;
//   - with nocase an escaped byte inside a class is compared as it is.
//
// Redis calls itself for each star. Here the pattern is taken in runs of
// elements between stars. The first place where a run fits is as good as any
// later one, and the last run has one place only, the end of the text, since
// every element is one byte wide. Plain bytes are searched for as a whole, in
// linear time. So the time is bounded by the product of the text's length and
// that of the longest run with a question mark or a class before the last star,
// and no more of the pattern is read than the text could match.
func Glob(pattern, text []byte, nocase bool) bool {
	if len(text) == 0 {
		return len(pattern) == 0
	}
	r := nextRun(pattern, len(text), nocase)
	if r.elements > len(text) || !r.matches(text, nocase) {
		return false
	}
	pattern, text = pattern[len(r.pattern):], text[r.elements:]
	if len(pattern) == 0 {
		return len(text) == 0
	}
	for {
		for len(pattern) > 0 && pattern[0] == '*' {
			pattern = pattern[1:]
		}
		if len(pattern) == 0 {
			return true
		}
		r = nextRun(pattern, len(text), nocase)
		if r.elements > len(text) {
			return false
		}
		pattern = pattern[len(r.pattern):]
		if len(pattern) == 0 {
			return r.matches(text[len(text)-r.elements:], nocase)
		}
		i := r.index(text, nocase)
		if i < 0 {
			return false
		}
		text = text[i+r.elements:]
	}
}

// run is a part of a pattern without stars.
type run struct {
	pattern  []byte
	elements int // each is one byte of text
	plain    bool
}

// nextRun is the front of a pattern up to its next star. It gives up after more
// than limit elements, which then are a run that does not fit.
func nextRun(pattern []byte, limit int, nocase bool) run {
	r := run{plain: !nocase}
	p := 0
	for p < len(pattern) && pattern[p] != '*' && r.elements <= limit {
		switch pattern[p] {
		case '?', '[', '\\':
			r.plain = false
			width, _ := matchOne(pattern[p:], 0, nocase)
			p += width
		default:
			p++
		}
		r.elements++
	}
	r.pattern = pattern[:p]
	return r
}

// matches reports whether text, which is long enough, begins with the run.
func (r run) matches(text []byte, nocase bool) bool {
	if r.plain {
		return bytes.HasPrefix(text, r.pattern)
	}
	for p, t := 0, 0; p < len(r.pattern); t++ {
		width, ok := matchOne(r.pattern[p:], text[t], nocase)
		if !ok {
			return false
		}
		p += width
	}
	return true
}

// index is the first place in text at which the run fits, -1 for none.
func (r run) index(text []byte, nocase bool) int {
	if r.plain {
		return bytes.Index(text, r.pattern)
	}
	for i := 0; i+r.elements <= len(text); i++ {
		if r.matches(text[i:], nocase) {
			return i
		}
	}
	return -1
}

// matchOne matches one byte against the element at the front of pattern, which
// is no star, and returns the element's width.
func matchOne(pattern []byte, c byte, nocase bool) (width int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		return matchClass(pattern, c, nocase)
	case '\\':
		if len(pattern) > 1 {
			return 2, same(pattern[1], c, nocase)
		}
	}
	return 1, same(pattern[0], c, nocase)
}

// matchClass matches one byte against the class at the front of pattern.
func matchClass(pattern []byte, c byte, nocase bool) (width int, ok bool) {
	i := 1
	not := i < len(pattern) && pattern[i] == '^'
	if not {
		i++
	}
	for i < len(pattern) {
		switch {
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
			ok = ok || pattern[i] == c
		case pattern[i] == ']':
			return i + 1, ok != not
		case i+2 < len(pattern) && pattern[i+1] == '-':
			ok = ok || inRange(pattern[i], pattern[i+2], c, nocase)
			i += 2
		default:
			ok = ok || same(pattern[i], c, nocase)
		}
		i++
	}
	return i, ok != not
}

// inRange reports whether c lies between two bytes. They change places before
// their case is lowered: [Z-a] is empty with nocase.
func inRange(a, b, c byte, nocase bool) bool {
	low, high := min(int8(a), int8(b)), max(int8(a), int8(b))
	if nocase {
		low, high, c = int8(lower(byte(low))), int8(lower(byte(high))), lower(c)
	}
	return low <= int8(c) && int8(c) <= high
}

func same(a, b byte, nocase bool) bool { return a == b || nocase && lower(a) == lower(b) }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
