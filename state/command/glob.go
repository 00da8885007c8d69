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
// Redis calls itself for each star, here a failure goes back to the last star
// only: what an earlier star could still try, the last one can try too. Plain
// bytes behind a star are searched for as a whole, which takes a time that does
// not depend on how often they nearly match. So the time is bounded by the length of
// the text and, where a question mark or a class stands behind the last star, by
// its product with the length of what follows; the stack is not touched.
func Glob(pattern, text []byte, nocase bool) bool {
	if len(text) == 0 {
		return len(pattern) == 0
	}
	p, t := 0, 0
	star, from := -1, 0 // the last star, and where its text ends for now
	var plain []byte    // what must stand behind that
	for t < len(text) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				plain = plainBytes(pattern[p+1:], nocase)
				i := bytes.Index(text[t:], plain)
				if i < 0 {
					return false
				}
				star, from = p, t+i
				p, t = star+1+len(plain), from+len(plain)
				continue
			}
			if width, ok := matchOne(pattern[p:], text[t], nocase); ok {
				p += width
				t++
				continue
			}
		}
		if star < 0 {
			return false
		}
		i := bytes.Index(text[from+1:], plain)
		if i < 0 {
			return false
		}
		from += 1 + i
		p, t = star+1+len(plain), from+len(plain)
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// plainBytes is the front of a pattern in which every byte stands for itself.
func plainBytes(pattern []byte, nocase bool) []byte {
	if nocase {
		return nil
	}
	for i, c := range pattern {
		switch c {
		case '*', '?', '[', '\\':
			return pattern[:i]
		}
	}
	return pattern
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
