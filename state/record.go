package state

import "fmt"

// Record is all that a checkpoint keeps of a key.
type Record struct {
	Key      []byte
	Type     Type
	Encoding uint8    // a fixed number, what OBJECT ENCODING shows
	ExpireAt int64    // ms since 1970, 0 for never
	Value    []byte   // of a string
	Pairs    [][]byte // of a hash: field, value, field, value …
}

// Export hands the keys of a database to fn in its order, from a place on, until
// fn returns false. A record is valid until fn returns.
func (s *State) Export(db, from int, fn func(Record) bool) {
	keys := s.dbs[db].keys
	var pairs [][]byte
	for i := from; i < keys.Len(); i++ {
		e := keys.At(i)
		r := Record{Key: []byte(e.key), Type: e.typ, Encoding: uint8(e.enc), ExpireAt: e.expire, Value: e.value}
		if e.typ == Hash {
			pairs = pairs[:0]
			for _, p := range e.hash.pairs {
				pairs = append(pairs, []byte(p.field), p.value)
			}
			r.Value, r.Pairs = nil, pairs
		}
		if !fn(r) {
			return
		}
	}
}

// Import adds a key at the end of a database's order; what it is given is
// copied. A key that is there already, or a record that no state gives, is an
// error.
func (s *State) Import(db int, r Record) error {
	if db < 0 || db >= Databases {
		return fmt.Errorf("there is no database %d", db)
	}
	d := s.dbs[db]
	if d.keys.Get(r.Key) != nil {
		return fmt.Errorf("the key is there twice")
	}
	e := &entry{key: string(r.Key), typ: r.Type, enc: encoding(r.Encoding), heap: -1}
	switch r.Type {
	case String:
		if e.enc < encInt || e.enc > encRaw {
			return fmt.Errorf("a string of encoding %d", r.Encoding)
		}
		e.value = append(make([]byte, 0, len(r.Value)), r.Value...)
	case Hash:
		if err := e.importHash(r); err != nil {
			return err
		}
	default:
		return fmt.Errorf("a value of type %d", r.Type)
	}
	d.keys.Put(e)
	s.setExpire(d, e, r.ExpireAt)
	d.changed(e)
	return nil
}

func (e *entry) importHash(r Record) error {
	if len(r.Pairs) == 0 || len(r.Pairs)%2 != 0 {
		return fmt.Errorf("a hash of %d fields and values", len(r.Pairs))
	}
	e.hash = &hash{pairs: make([]pair, 0, len(r.Pairs)/2)}
	if e.enc == encHashtable {
		e.hash.grow()
	}
	for i := 0; i < len(r.Pairs); i += 2 {
		e.hash.set(r.Pairs[i], r.Pairs[i+1])
	}
	if e.hash.encoding() != e.enc || len(e.hash.pairs) != len(r.Pairs)/2 {
		return fmt.Errorf("a hash that does not fit its encoding %d, or a field twice", r.Encoding)
	}
	return nil
}
