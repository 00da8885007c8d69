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
		e := d.load(at)
		d.bringAll(e.o)
		r := Record{Key: e.key, Type: e.typ, Encoding: uint8(e.enc), ExpireAt: e.expire, Value: e.payload}
		switch e.typ {
		case String:
		case List:
			items = items[:0]
			e.elements().each(func(x []byte) { items = append(items, x) })
			r.Value, r.Items = nil, items
		case Stream:
			items = e.o.stream.records(items[:0])
			r.Value, r.Items = nil, items
		default:
			items = items[:0]
			e.pairs(func(field, value []byte) {
				if items = append(items, field); e.typ != Set {
					items = append(items, value)
				}
			})
			r.Value, r.Items = nil, items
		}
		return fn(r)
	})
}
