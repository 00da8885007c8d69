package state

import (
	"fmt"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// apply applies what record records to db.
func apply(t testing.TB, s *State, db int, record func(*event.Buffer)) {
	t.Helper()
	var b event.Buffer
	record(&b)
	if _, err := s.Apply(db, b.Bytes()); err != nil {
		t.Fatal(err)
	}
}

func copyOf(t interface{ Fatal(...any) }, s *State) *State {
	c := New(0)
	for db := range Databases {
		s.Export(db, 0, func(r Record) bool {
			if err := c.Import(db, r); err != nil {
				t.Fatal(err)
			}
			return true
		})
	}
	return c
}

// dump writes a state with its order and encodings.
func dump(s *State) string {
	var b strings.Builder
	for db := range Databases {
		s.Export(db, 0, func(r Record) bool {
			fmt.Fprintf(&b, "%d %q %d %d %d %q %q\n", db, r.Key, r.Type, r.Encoding, r.ExpireAt, r.Value, r.Items)
			return true
		})
	}
	return b.String()
}
