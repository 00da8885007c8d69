package resp

import "bytes"

// SplitWords splits a line as redis-cli and inline requests do: blanks
// separate; "…" may hold \n \r \t \b \a \xHH and escaped quotes; '…' holds
// everything but \'. A closing quote ends its word. A zero byte ends the line, as
// it does in C. The error is a *ProtocolError.
func SplitWords(line []byte) ([][]byte, error) { return appendWords(nil, line) }

func appendWords(dst [][]byte, line []byte) ([][]byte, error) {
	if end := bytes.IndexByte(line, 0); end >= 0 {
		line = line[:end]
	}
	for {
		for len(line) > 0 && isBlank(line[0]) {
			line = line[1:]
		}
		if len(line) == 0 {
			return dst, nil
		}
		word, rest, err := nextWord(line)
		if err != nil {
			return dst, err
		}
		dst, line = append(dst, word), rest
	}
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// nextWord reads one word from the front of line.
func nextWord(line []byte) (word, rest []byte, err error) {
	word = []byte{}
	for i := 0; i < len(line); {
		switch c := line[i]; c {
		case ' ', '\n', '\r', '\t': // not every blank that may stand before a word
			return word, line[i:], nil
		case '"', '\'':
			var n int
			if word, n = quoted(word, line[i:]); n == 0 {
				return nil, nil, protocolError("unbalanced quotes in request")
			}
			if i += n; i < len(line) && !isBlank(line[i]) {
				return nil, nil, protocolError("unbalanced quotes in request")
			}
			return word, line[i:], nil
		default:
			word = append(word, c)
			i++
		}
	}
	return word, nil, nil
}

// quoted reads the quoted string at the front of s; n is its length there, 0
// where it has no end.
func quoted(word, s []byte) (_ []byte, n int) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == quote:
			return word, i + 1
		case c == '\\' && quote == '\'' && i+1 < len(s) && s[i+1] == '\'':
			word = append(word, '\'')
			i++
		case c == '\\' && quote == '"' && i+3 < len(s) && s[i+1] == 'x' && isHex(s[i+2]) && isHex(s[i+3]):
			word = append(word, hex(s[i+2])<<4|hex(s[i+3]))
			i += 3
		case c == '\\' && quote == '"' && i+1 < len(s):
			word = append(word, unescape(s[i+1]))
			i++
		default:
			word = append(word, c)
		}
	}
	return word, 0
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
