package event

import "testing"

// TestBufferGrows: events of many texts double the room where there is not enough, and so
// are not copied again and again; what is there stays.
func TestBufferGrows(t *testing.T) {
	var b Buffer
	items := make([][]byte, 4096)
	for i := range items {
		items[i] = []byte("0123456789abcdef")
	}
	moves, last := 0, 0
	for range 256 {
		b.ListPush([]byte("key"), Right, items...)
		if cap(b.buf) != last {
			moves, last = moves+1, cap(b.buf)
		}
	}
	if moves > 10 {
		t.Errorf("%d bytes were moved %d times", b.Len(), moves)
	}
	var e Event
	for rest := b.Bytes(); len(rest) > 0; {
		var err error
		if rest, err = e.Decode(rest); err != nil || len(e.Items) != len(items) || string(e.Items[4095]) != string(items[4095]) {
			t.Fatalf("%v, %d items", err, len(e.Items))
		}
	}
}
