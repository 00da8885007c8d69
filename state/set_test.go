package state

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// TestIntsetIsInOrder: integers are in ascending order however they came, until
// something else joins them, which comes last.
func TestIntsetIsInOrder(t *testing.T) {
	s, k := New(0), []byte("k")
	numbers := []int{5, -3, 0, 100, -100, 99, -99, 10, 9, 1, -1, 9223372036854775807, -9223372036854775808, 11}
	for _, n := range numbers {
		apply(t, s, 0, func(b *event.Buffer) { b.SetAdd(k, []byte(strconv.Itoa(n))) })
	}
	slices.Sort(numbers)
	apply(t, s, 0, func(b *event.Buffer) { b.SetRemove(k, []byte("10")) })
	numbers = slices.DeleteFunc(numbers, func(n int) bool { return n == 10 })
	members := func() (all []string) {
		m, err := s.View(0, 0).Set(k)
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.Len() {
			all = append(all, string(m.At(i)))
			if !m.Has(m.At(i)) {
				t.Errorf("%s is not there", m.At(i))
			}
		}
		return all
	}
	var want []string
	for _, n := range numbers {
		want = append(want, strconv.Itoa(n))
	}
	if got := members(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	apply(t, s, 0, func(b *event.Buffer) { b.SetAdd(k, []byte("007"), []byte("2")) })
	if got := members(); !slices.Equal(got, append(want, "007", "2")) {
		t.Errorf("%q behind the integers", got[len(want):])
	}
}

// TestLargeSet: what a large hash can do, a large set can.
func TestLargeSet(t *testing.T) {
	s, k := New(5), []byte("s")
	const n = 20_000
	for i := 0; i < n; i += 100 {
		var members [][]byte
		for j := range 100 {
			m := fmt.Append(nil, "member:", i+j)
			if (i+j)%5000 == 0 {
				m = append(m, bytes.Repeat([]byte("m"), 9000)...)
			}
			members = append(members, m)
		}
		apply(t, s, 0, func(b *event.Buffer) { b.SetAdd(k, members...); b.SetAdd(k, members[:10]...) })
	}
	invariants(t, s)
	apply(t, s, 0, func(b *event.Buffer) {
		b.Copy(k, []byte("copy"), 1)
		b.Rename(k, []byte("to"))
		b.Move([]byte("to"), 2)
	})
	invariants(t, s)
	m, err := s.View(2, 0).Set([]byte("to"))
	if err != nil || m.Len() != n || m.Small() {
		t.Fatalf("%d members, %v", m.Len(), err)
	}
	var scanned [][]byte
	for cursor, calls := uint64(0), 0; calls == 0 || cursor != 0; calls++ {
		cursor = m.Scan(cursor, 100, func(member []byte) { scanned = append(scanned, bytes.Clone(member)) })
	}
	for i, member := range scanned {
		if !m.Has(member) || string(m.At(i)) != string(member) {
			t.Fatalf("%.20q at place %d of the scan", member, i)
		}
	}
	if len(scanned) != n {
		t.Errorf("the scan saw %d members", len(scanned))
	}
	half := scanned[:n/2]
	apply(t, s, 2, func(b *event.Buffer) { b.SetRemove([]byte("to"), half...) })
	if m, _ := s.View(2, 0).Set([]byte("to")); m.Len() != n/2 || m.Has(half[7]) {
		t.Errorf("%d members are left", m.Len())
	}
	if m, _ := s.View(1, 0).Set([]byte("copy")); m.Len() != n || !m.Has(half[7]) {
		t.Errorf("the copy has %d members", m.Len())
	}
	apply(t, s, 2, func(b *event.Buffer) { b.SetRemove([]byte("to"), scanned[n/2:]...) })
	if s.View(2, 0).Exists([]byte("to")) {
		t.Error("an empty set is a key")
	}
	invariants(t, s)
}

func TestWrongTypeOfSet(t *testing.T) {
	s, k := New(0), []byte("k")
	apply(t, s, 0, func(b *event.Buffer) { b.HashSet(k, k, k) })
	if _, err := s.View(0, 0).Set(k); !errors.Is(err, ErrWrongType) {
		t.Errorf("a hash read as a set: %v", err)
	}
	var b event.Buffer
	b.SetAdd(k, k)
	if _, err := s.Apply(0, b.Bytes()); err == nil {
		t.Error("a member was added to a hash")
	}
}
