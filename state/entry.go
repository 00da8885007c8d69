package state

import "unsafe"

// entry is one key. It is in at most one database.
type entry struct {
	key    string
	value  []byte // of a string
	hash   *hash  // of a hash
	expire int64  // ms since 1970, 0 for never

	slot   int32  // its place in the keyspace
	heap   int32  // its place in the expiry heap, -1 without one
	access uint32 // s, when it was last touched; a hint
	typ    Type
	enc    encoding
	dirty  bool   // a string's content digest is behind its content
	lent   bool   // somebody may still be reading value, see View.Lend
	sum    uint64 // its share in the database's sum; 0 while dirty or in no database
	body   uint64 // digest of its content, unless dirty
}

// due reports whether its expiry has come.
func (e *entry) due(nowMS int64) bool { return e.expire != 0 && e.expire <= nowMS }

// maxJoined is the size up to which a value shares its key's block. Such a block
// lives as long as its key does, even when a shorter value has replaced this one.
const maxJoined = 256

// join copies a key and its value into one block where that is worth it: one
// allocation instead of two. The value may be overwritten and grow, the key is
// never written to.
func join(key, value []byte) (string, []byte) {
	if len(value) > maxJoined {
		return string(key), append(make([]byte, 0, len(value)), value...)
	}
	block := make([]byte, len(key)+len(value))
	n := copy(block, key)
	copy(block[n:], value)
	return unsafe.String(unsafe.SliceData(block), n), block[n:]
}

// overwrite gives back old with value as its content, in place if it has the room,
// would not waste most of it, and cannot have been lent.
func overwrite(old, value []byte) []byte {
	if cap(old) < len(value) || cap(old) > 2*len(value)+64 || cap(old) >= LendFrom {
		old = make([]byte, 0, len(value))
	}
	return append(old[:0], value...)
}

// bytesOf is the bytes of a key without copying them. Nobody may write to them.
func bytesOf(key string) []byte { return unsafe.Slice(unsafe.StringData(key), len(key)) }

// newString makes an entry of a string, in no database yet.
func newString(key, value []byte) *entry {
	e := &entry{typ: String, heap: -1}
	e.key, e.value = join(key, value)
	return e
}

// encoding is what OBJECT ENCODING answers: a fixed number, in checkpoints too.
type encoding uint8

const (
	encInt       encoding = 1
	encEmbstr    encoding = 2
	encRaw       encoding = 3
	encListpack  encoding = 4
	encHashtable encoding = 5
)

// The limits between encodings, Redis' defaults. They are no settings: the same
// events must give the same state everywhere.
const (
	maxIntText = 20 // digits and sign of an int-encoded string
	maxEmbstr  = 44 // bytes of an embstr-encoded string

	// MaxListpackEntries is the number of fields of a small hash, and
	// MaxListpackValue the bytes of each field and value of one.
	MaxListpackEntries = 512
	MaxListpackValue   = 64
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
	if len(v) <= maxEmbstr {
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
