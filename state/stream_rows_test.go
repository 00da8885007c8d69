package state

import (
	"testing"

	"github.com/altilium-db/altilium/state/event"
	"pgregory.net/rapid"
)

// TestRowsSeekOn: going on from where one was found finds the same as seeking anew, over
// many blocks and whatever lies between.
func TestRowsSeekOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r rows[pendingID]
		n := rapid.IntRange(1, 10*blockRows).Draw(t, "rows")
		for i := range n {
			r.insert(pendingID{MS: uint64(2 * i)})
		}
		for range rapid.IntRange(0, n/2).Draw(t, "removed") {
			if id := (event.ID{MS: 2 * uint64(rapid.IntRange(0, n-1).Draw(t, "id"))}); r.find(id) != nil {
				r.remove(id)
			}
		}
		step := rapid.SampledFrom([]uint64{1, 2, 5, 2 * blockRows, 5 * blockRows}).Draw(t, "step")
		b, i := 0, 0
		for id := (event.ID{}); id.MS <= uint64(2*n+1); id.MS += 1 + step {
			b, i = r.seekOn(b, i, id)
			if wantB, wantI := r.seek(id); b != wantB || i != wantI {
				t.Fatalf("%v is at %d in block %d, not at %d in block %d", id, wantI, wantB, i, b)
			}
		}
	})
}
