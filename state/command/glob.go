package command

// Glob reports whether text matches a glob pattern, as Redis does it:
//
//   - any bytes           [a-z]  one of these, ranges either way round
//     ?      one byte            [^a]   one that is not
//     \c     c itself            [      unclosed: runs to the end of the pattern
//
// With nocase the case of ASCII letters does not matter. It is iterative: a failure goes back to the last star only, since what an
// earlier star could still try the last one can try too. So the time is bounded
// by the product of the lengths, whatever the pattern.
func Glob(pattern, text []byte, nocase bool) bool {
	p, t := 0, 0
	star, from := -1, 0 // the last star, and where its text ends for now
	for t < len(text) {
		if p < len(pattern) && pattern[p] == '*' {
			star, from = p, t
			p++
			continue
		}
		if p < len(pattern) {
			if width, ok := matchOne(pattern[p:], text[t], nocase); ok {
				p += width
				t++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		p, t = star+1, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
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

// matchClass matches one byte against "[…]".
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
			ok = ok || same(pattern[i], c, nocase)
		case pattern[i] == ']':
			return i + 1, ok != not
		case i+2 < len(pattern) && pattern[i+1] == '-':
			low, high := pattern[i], pattern[i+2]
			if low > high {
				low, high = high, low
			}
			if nocase {
				low, high, c = lower(low), lower(high), lower(c)
			}
			ok = ok || low <= c && c <= high
			i += 2
		default:
			ok = ok || same(pattern[i], c, nocase)
		}
		i++
	}
	return i, ok != not
}

func same(a, b byte, nocase bool) bool { return a == b || nocase && lower(a) == lower(b) }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
