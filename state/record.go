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
	for i := max(from, 0); i < keys.Len(); i++ {
		e := keys.At(i)
		r := Record{Key: bytesOf(e.key), Type: e.typ, Encoding: uint8(e.enc), ExpireAt: e.expire, Value: e.value}
		if e.typ == Hash {
			pairs = pairs[:0]
			for _, p := range e.hash.pairs {
				pairs = append(pairs, bytesOf(p.field), p.value)
			}
			r.Value, r.Pairs = nil, pairs
		}
		if !fn(r) {
			return
		}
	}
}

// Import adds a key at the end of a database's order; what it is given is
// copied. A key that is there already, or a record that Export never gives, is
// an error, and changes nothing.
func (s *State) Import(db int, r Record) error {
	if db < 0 || db >= Databases {
		return fmt.Errorf("there is no database %d", db)
	}
	d := s.dbs[db]
	if d.keys.Get(r.Key) != nil {
		return fmt.Errorf("the key %s is there twice", shown(r.Key))
	}
	if r.ExpireAt < 0 {
		return fmt.Errorf("the key %s expires at %d ms", shown(r.Key), r.ExpireAt)
	}
	var e *entry
	var err error
	switch r.Type {
	case String:
		e, err = importString(r)
	case Hash:
		e, err = importHash(r)
	default:
		err = fmt.Errorf("a value of type %d", r.Type)
	}
	if err != nil {
		return fmt.Errorf("the key %s: %w", shown(r.Key), err)
	}
	d.keys.Put(e)
	s.setExpire(d, e, r.ExpireAt)
	d.rewritten(e)
	return nil
}

func importString(r Record) (*entry, error) {
	enc := encoding(r.Encoding)
	switch {
	case enc == encRaw:
	case enc == encInt && isInt(r.Value):
	case enc == encEmbstr && len(r.Value) <= maxEmbstr:
	default:
		return nil, fmt.Errorf("a string of %d bytes that does not fit its encoding %d", len(r.Value), r.Encoding)
	}
	e := newString(r.Key, r.Value)
	e.enc = enc
	return e, nil
}

func importHash(r Record) (*entry, error) {
	if len(r.Pairs) == 0 || len(r.Pairs)%2 != 0 {
		return nil, fmt.Errorf("a hash of %d fields and values", len(r.Pairs))
	}
	h := &hash{pairs: make([]pair, 0, len(r.Pairs)/2)}
	if encoding(r.Encoding) == encHashtable {
		h.grow()
	}
	for i := 0; i < len(r.Pairs); i += 2 {
		h.set(r.Pairs[i], r.Pairs[i+1])
	}
	if h.encoding() != encoding(r.Encoding) || len(h.pairs) != len(r.Pairs)/2 {
		return nil, fmt.Errorf("a hash that does not fit its encoding %d, or has a field twice", r.Encoding)
	}
	return &entry{key: string(r.Key), typ: Hash, enc: h.encoding(), hash: h, heap: -1}, nil
}
