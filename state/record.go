package state

import (
	"fmt"
	"math"
)

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
	d := s.dbs[db]
	if from < 0 || from >= d.keys.count() {
		return
	}
	var pairs [][]byte
	cursor, left := d.keys.skip(from)
	d.keys.scan(cursor, math.MaxInt, func(at ref) bool {
		if left > 0 {
			left--
			return true
		}
		e := d.load(at)
		r := Record{Key: e.key, Type: e.typ, Encoding: uint8(e.enc), ExpireAt: e.expire, Value: e.payload}
		if e.typ == Hash {
			pairs = pairs[:0]
			e.pairs(func(field, value []byte) { pairs = append(pairs, field, value) })
			r.Value, r.Pairs = nil, pairs
		}
		return fn(r)
	})
}

// Import adds a key to a database; what it is given is copied. A key that is there
// already, or a record that Export never gives, is an error, and changes nothing.
func (s *State) Import(db int, r Record) error {
	if db < 0 || db >= Databases {
		return fmt.Errorf("there is no database %d", db)
	}
	d := s.dbs[db]
	h := d.secret.hash(r.Key)
	if d.keys.find(h, r.Key) != 0 {
		return fmt.Errorf("the key %s is there twice", shown(r.Key))
	}
	if r.ExpireAt < 0 {
		return fmt.Errorf("the key %s expires at %d ms", shown(r.Key), r.ExpireAt)
	}
	e := entry{key: r.Key, typ: r.Type, enc: encoding(r.Encoding)}
	var err error
	switch r.Type {
	case String:
		e.payload, err = r.Value, checkString(r)
	case Hash:
		err = s.importHash(d, &e, r)
	default:
		err = fmt.Errorf("a value of type %d", r.Type)
	}
	if err != nil {
		return fmt.Errorf("the key %s: %w", shown(r.Key), err)
	}
	s.put(d, h, 0, &e, r.ExpireAt)
	s.last.key.r, s.last.field.r = 0, 0
	return nil
}

// checkString reports a string that does not fit its encoding.
func checkString(r Record) error {
	switch enc := encoding(r.Encoding); {
	case enc == encRaw:
	case enc == encInt && isInt(r.Value):
	case enc == encEmbstr && len(r.Value) <= maxEmbstr:
	default:
		return fmt.Errorf("a string of %d bytes that does not fit its encoding %d", len(r.Value), r.Encoding)
	}
	return nil
}

// importHash gives e the pairs of r.
func (s *State) importHash(d *database, e *entry, r Record) error {
	bad := fmt.Errorf("a hash that does not fit its encoding %d, or has a field twice", r.Encoding)
	if len(r.Pairs) == 0 || len(r.Pairs)%2 != 0 {
		return fmt.Errorf("a hash of %d fields and values", len(r.Pairs))
	}
	n := len(r.Pairs) / 2
	if e.enc == encHashtable {
		d.adopt(e, &object{})
		d.newHash(e)
		for i := 0; i < len(r.Pairs); i += 2 {
			d.setField(e, r.Pairs[i], r.Pairs[i+1])
		}
		if e.o.hash.index.n != n {
			d.dropObject(e)
			return bad
		}
		return nil
	}
	if e.enc != encListpack || n > MaxListpackEntries {
		return bad
	}
	p, sum := append(s.payload[:0], newPacked()...), uint64(0)
	for i := 0; i < len(r.Pairs); i += 2 {
		field, value := r.Pairs[i], r.Pairs[i+1]
		if !listpacked(field, value) {
			return bad
		}
		if _, at, _ := findPacked(p, field); at >= 0 {
			return bad
		}
		p = appendPair(p, field, value)
		sum += pairDigest(field, value)
	}
	setPacked(p, sum, n)
	e.payload, s.payload = p, p
	return nil
}
