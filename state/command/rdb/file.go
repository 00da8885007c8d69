package rdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// What stands in a file where the type of a value could: fixed numbers, see the package comment.
const (
	opSlot      = 0xf4
	opFunction  = 0xf5
	opModule    = 0xf7
	opIdle      = 0xf8
	opFrequency = 0xf9
	opAux       = 0xfa
	opResize    = 0xfb
	opExpireMS  = 0xfc
	opExpire    = 0xfd
	opDatabase  = 0xfe
	opEnd       = 0xff
)

// magic begins a file; four digits follow, the version.
const magic = "REDIS"

// IsFile reports whether a file that begins with p is one of RDB, or begins with one, as an
// append-only file may.
func IsFile(p []byte) bool { return bytes.HasPrefix(p, []byte(magic)) }

// Key is a key of a file.
type Key struct {
	DB       int
	Name     []byte
	ExpireAt int64  // ms since 1970; 0: never
	Payload  []byte // as DUMP gives it, with a footer of its own
}

// ErrFile is returned by ReadFile for what cannot be read. It wraps what is wrong, and where.
var ErrFile = errors.New("this RDB file cannot be read")

// ReadFile hands the keys of the file in p to visit, in their order, and returns how many
// bytes it has: an append-only file goes on behind it. Whether a payload is a value that this
// server takes, Decode says; here only its end is looked for. left counts what has no place
// here and was passed over: functions, and what modules say beside keys. The error is visit's
// or an ErrFile.
func ReadFile(p []byte, visit func(Key) error) (size, left int, err error) {
	f := file{reader: reader{p: p}}
	version := f.head()
	for f.ok() && f.part(visit) {
	}
	end := f.at
	if f.ok() && version >= 5 {
		if sum := f.u64(); f.ok() && sum != 0 && sum != checksum(p[:end]) { // 0: rdbchecksum no
			f.fail("its checksum is wrong")
		}
	}
	if errors.Is(f.err, ErrFormat) || errors.Is(f.err, ErrUnpacks) || errors.Is(f.err, ErrTooLarge) {
		f.err = fmt.Errorf("%w: %w", ErrFile, f.err)
	}
	return f.at, f.left, f.err
}

// file reads a whole file.
type file struct {
	reader
	key  Key // the next one, as far as it is known
	left int
}

// head reads the version.
func (f *file) head() int {
	head := f.take(uint64(len(magic) + 4))
	version, err := strconv.Atoi(string(bytes.TrimPrefix(head, []byte(magic))))
	if f.ok() && (err != nil || !IsFile(head)) {
		f.fail("it has no version")
	}
	return version
}

// part reads a key, or what stands between two; false: that was the end.
func (f *file) part(visit func(Key) error) (more bool) {
	f.plain = MaxPlain // for each part anew
	switch op := f.byte(); op {
	case opEnd:
		return false
	case opDatabase:
		f.key.DB = int(min(f.count(), 1<<31))
	case opExpireMS:
		f.key.ExpireAt = int64(f.u64())
	case opExpire:
		if b := f.take(4); b != nil {
			f.key.ExpireAt = 1000 * int64(int32(binary.LittleEndian.Uint32(b)))
		}
	case opIdle:
		f.count()
	case opFrequency:
		f.byte()
	case opResize:
		f.count()
		f.count()
	case opSlot:
		f.count()
		f.count()
		f.count()
	case opAux:
		f.text()
		f.text()
	case opFunction:
		f.text()
		f.left++
	case opModule:
		f.module()
		f.left++
	default:
		f.value(op, visit)
	}
	return true
}

// value reads a key and its value, whose type is known.
func (f *file) value(typ byte, visit func(Key) error) {
	f.key.Name = f.text()
	from := f.at
	f.reader.value(typ, nobody{})
	if !f.ok() {
		if f.key.Name != nil {
			f.err = fmt.Errorf("%w, in key %q of type %d", f.err, f.key.Name, typ)
		}
		return
	}
	f.key.Payload = Seal(append([]byte{typ}, f.p[from:f.at]...))
	f.give(visit(f.key))
	f.key = Key{DB: f.key.DB}
}

// module passes over what a module says beside keys: numbers and strings, each with its kind.
func (f *file) module() {
	f.count() // whose it is
	for f.ok() {
		switch f.count() {
		case 0: // the end
			return
		case 1, 2: // integers
			f.count()
		case 3:
			f.take(4)
		case 4:
			f.take(8)
		case 5:
			f.text()
		default:
			f.fail("a module's part is of no kind")
		}
	}
}
