package state

import "math"

// Record is all that a checkpoint keeps of a key.
type Record struct {
	Key      []byte
	Type     Type
	Encoding uint8    // a fixed number, what OBJECT ENCODING shows
	ExpireAt int64    // ms since 1970, 0 for never
	Value    []byte   // of a string
	Items    [][]byte // of a hash: field, value, field, value …; of a set: members; of a sorted set: member, score …; of a list: elements; of a stream: see stream_record.go

	stream *stream // what Items say, once a Batch has read them
}

// Number reports whether it is a string that is kept as a number: only what is as a command
// sets it is, and not what another made of digits.
func (r *Record) Number() bool { return r.Type == String && encoding(r.Encoding) == encInt }

// Export hands the keys of a database to fn in its order, from a place on, until
// fn returns false. A record is valid until fn returns.
func (s *State) Export(db, from int, fn func(Record) bool) {
	d := s.dbs[db]
	if from < 0 || from >= d.keys.count() {
		return
	}
	var items [][]byte
	cursor, left := d.keys.skip(from)
	d.keys.scan(cursor, math.MaxInt, func(at ref) bool {
		if left > 0 {
			left--
			return true
		}
		r := d.recordAt(at, items[:0])
		items = r.Items
		return fn(r)
	})
}

// Record is one key of a database, one whose expiry has come too; ok is false where it is
// not there. The record is valid until the state changes.
func (s *State) Record(db int, key []byte) (r Record, ok bool) {
	d := s.dbs[db]
	_, at := d.find(key)
	if at == 0 {
		return r, false
	}
	return d.recordAt(at, nil), true
}

// recordAt is what there is at a place. Its items are appended to those given.
func (d *database) recordAt(at ref, items [][]byte) Record {
	e := d.load(at)
	d.bringAll(e.o)
	r := Record{Key: e.key, Type: e.typ, Encoding: uint8(e.enc), ExpireAt: e.expire, Items: items}
	switch e.typ {
	case String:
		r.Value = e.payload
	case List:
		e.elements().each(func(x []byte) { r.Items = append(r.Items, x) })
	case Stream:
		r.Items = e.o.stream.records(items)
	default:
		e.pairs(func(field, value []byte) {
			if r.Items = append(r.Items, field); e.typ != Set {
				r.Items = append(r.Items, value)
			}
		})
	}
	return r
}
