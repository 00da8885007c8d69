package rdb

// parseInt reads the canonical text of a 64-bit integer: no plus sign, no zero before
// other digits, no "-0".
func parseInt(x []byte) (v int64, ok bool) {
	digits := x
	negative := len(x) > 0 && x[0] == '-'
	if negative {
		digits = x[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && (len(digits) > 1 || negative) {
		return 0, false
	}
	var u uint64 // 19 digits always fit
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
	}
	switch {
	case negative && u <= 1<<63:
		return -int64(u), true // of 1<<63 it is the least integer itself
	case !negative && u < 1<<63:
		return int64(u), true
	}
	return 0, false
}
