package state

// Members is the members of a set. The zero value is that of a key that does not exist.
// A small set is packed as a small hash is, a large one is an index as that of a large
// hash, each with empty values.
type Members struct{ fields Fields }

// Len is the number of members; 0 where there is no key.
func (m *Members) Len() int { return m.fields.Len() }

// Has reports whether a member is there.
func (m *Members) Has(member []byte) bool {
	_, ok := m.fields.Get(member)
	return ok
}

// At is the member at a place from 0 to Len()-1, valid until the next Apply. Going from
// one place to the next costs next to nothing, going anywhere else means counting.
func (m *Members) At(i int) []byte {
	member, _ := m.fields.At(i)
	return member
}

// Random draws a member, each as likely as the others; there must be one. It takes no
// longer where there are many.
func (m *Members) Random(rnd func() uint64) []byte {
	member, _ := m.fields.Random(rnd)
	return member
}

// Small reports whether SSCAN gives all of it at once.
func (m *Members) Small() bool { return m.fields.Small() }

// Scan hands about count members to fn, see [Fields.Scan].
func (m *Members) Scan(cursor uint64, count int, fn func(member []byte)) (next uint64) {
	return m.fields.Scan(cursor, count, func(member, _ []byte) { fn(member) })
}
