package state

// encoding is what OBJECT ENCODING answers: a fixed number, in checkpoints too.
type encoding uint8

const (
	encInt       encoding = 1
	encEmbstr    encoding = 2
	encRaw       encoding = 3
	encListpack  encoding = 4
	encHashtable encoding = 5
	encIntset    encoding = 6
	encQuicklist encoding = 8 // of a large list, as Redis calls it
	encSkiplist  encoding = 7 // of a large sorted set, as Redis calls it
	encStream    encoding = 9
)

// The limits between encodings, Redis' defaults. They are no settings: the same
// events must give the same state everywhere.
const (
	maxIntText = 20 // digits and sign of an int-encoded string

	// MaxEmbstr is the bytes of an embstr-encoded string: what is set as a whole and
	// longer is raw, what has been changed in part is raw however short it is.
	MaxEmbstr = 44

	// MaxListpackEntries is the number of fields of a small hash, and
	// MaxListpackValue the bytes of each field and value of one.
	MaxListpackEntries = 512
	MaxListpackValue   = 64

	// MaxSetListpackEntries is the number of members of a small set or sorted set, each of
	// MaxListpackValue bytes at most, and MaxIntsetEntries that of one of integers.
	MaxSetListpackEntries = 128
	MaxIntsetEntries      = 512

	// MaxListpackBytes is how many bytes a small list would take in a listpack of Redis,
	// at most. A large one becomes a small one again at half of that.
	MaxListpackBytes = 8 << 10
)

func (e encoding) String() string {
	switch e {
	case encInt:
		return "int"
	case encEmbstr:
		return "embstr"
	case encRaw:
		return "raw"
	case encListpack:
		return "listpack"
	case encHashtable:
		return "hashtable"
	case encIntset:
		return "intset"
	case encSkiplist:
		return "skiplist"
	case encQuicklist:
		return "quicklist"
	case encStream:
		return "stream"
	}
	return ""
}

// stringEncoding is how Redis would store a value that was set as a whole.
func stringEncoding(v []byte) encoding {
	if isInt(v) {
		return encInt
	}
	return textEncoding(v)
}

// textEncoding is that of a value that is not tried as a number.
func textEncoding(v []byte) encoding {
	if len(v) <= MaxEmbstr {
		return encEmbstr
	}
	return encRaw
}

// isInt reports whether v is the canonical text of a 64-bit integer.
func isInt(v []byte) bool {
	if len(v) == 0 || len(v) > maxIntText {
		return false
	}
	digits, negative := v, v[0] == '-'
	if negative {
		digits = v[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && (len(digits) > 1 || negative) {
		return false
	}
	var n uint64 // 19 digits always fit
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + uint64(c-'0')
	}
	return n < 1<<63 || negative && n == 1<<63
}
