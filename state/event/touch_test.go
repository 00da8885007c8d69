package event

import "testing"

// TestNamed: a body names its connection, or does not.
func TestNamed(t *testing.T) {
	for conn := uint64(0); conn < 1<<40; conn = conn*5 + 1 {
		for _, h := range []Header{
			{DB: 15, Conn: conn, Name: "SET"},
			{Conn: conn, Argv: [][]byte{[]byte("SET")}},
			{DB: 3, Conn: conn, Origin: &Origin{Addr: "127.0.0.1:5000", Name: "a name"}, Name: "SET"},
			{Conn: conn, Origin: &Origin{}, Argv: [][]byte{}},
		} {
			body := AppendHeader(nil, h)
			got, ok := Named(body)
			if ok != (h.Origin != nil) || ok && got != conn {
				t.Errorf("%+v names %d, %v", h, got, ok)
			}
			for cut := range body {
				Named(body[:cut]) // whatever it says, it comes back
			}
		}
	}
}
