package state

import "github.com/cespare/xxhash/v2"

// A string of regionFrom bytes or more that changes in part is never copied in one go.
// Appending to it goes on in the room behind it. Where that ends, or where bytes change
// that somebody else has too (a copy of the key, a reader that they were lent to), it
// begins to move to a region of its own, as one string of pieces:
//
//	value    | here |    | here |    |    | new …   the region it moves to
//	pieces             ●          ●    ●            where the missing ones are, which nobody changes
//
// Its length and what is written to it is there at once. A piece comes when something in
// it is written or read; the others one after each event (tidyStrings), those that are still
// missing when all is read. So no event and no read of a part costs more than the pieces
// it touches. What a piece comes from stays as it is, so a move may begin while another
// one is on its way: it takes over where the missing pieces are. A copy of a key that
// moves does the same.
//
// The naive version, a slice that append moves, held everybody up for 150 to 330 ms where
// 100 MB moved.

const (
	// regionFrom is the length in bytes from which a string moves by pieces. To copy less
	// than that takes about 0.2 ms.
	regionFrom = 1 << 20

	// pieceBytes is how long a piece is. To copy one takes 0.05 ms, and up to 2 ms where the
	// system has to find the memory first. One comes after each event without being asked for.
	pieceBytes = 256 << 10
)

// long is what the string of an object that lies in a region has beside its bytes.
type long struct {
	region *region // value lies in it

	pieces [][]byte // where those come from that are missing; nil: all are there
	left   int      // how many are missing
	next   int      // all before it are there
	held   []source // where they lie
	behind int64    // bytes of that which no other key has: they are counted here
	place  int      // in the database's moves
}

// source is a region that pieces come from, and how many bytes the string had used of it.
type source struct {
	*region
	used int
}

// moves reports whether some of o's string is missing.
func (o *object) moves() bool { return o.long != nil && o.long.left > 0 }

// pieceOf is where the i-th piece of o's string lies now.
func (o *object) pieceOf(i int) []byte {
	if o.moves() && i < len(o.long.pieces) && o.long.pieces[i] != nil {
		return o.long.pieces[i]
	}
	from := i * pieceBytes
	return o.value[from:min(len(o.value), from+pieceBytes)]
}

// relocation is what a string that is o's so far needs to be in a region of its own, with
// room for n bytes. The regions that it comes from are not counted as held once more.
func (d *database) relocation(o *object, n int) *long {
	to := &long{region: d.newRegion(n), pieces: make([][]byte, (len(o.value)+pieceBytes-1)/pieceBytes)}
	for i := range to.pieces {
		to.pieces[i] = o.pieceOf(i)
	}
	to.left = len(to.pieces)
	if was := o.long; was != nil {
		to.held = append(to.held, was.held...)
		to.behind = was.behind
		to.held = append(to.held, source{was.region, len(o.value)})
	}
	return to
}

// moveOut has o's string move to a region with room for n bytes.
func (d *database) moveOut(o *object, n int) {
	to := d.relocation(o, max(n, len(o.value)))
	if !o.lent {
		to.behind += int64(len(o.value))
	}
	d.leaveMoves(o)
	o.value, o.long, o.lent = to.region.all[:len(o.value)], to, false
	d.joinMoves(o)
}

// share gives a copy of o, of another key, perhaps of another database.
func (d *database) share(o *object) *object {
	c := &object{value: o.value[:len(o.value):len(o.value)], body: o.body, dirty: o.dirty, lent: true}
	switch {
	case o.moves():
		c.long = d.relocation(o, len(o.value))
		c.long.behind = 0
		c.value, c.lent = c.long.region.all[:len(o.value)], false
		for _, h := range c.long.held {
			h.refs++
		}
	case o.long != nil:
		o.long.region.refs++
		c.long = &long{region: o.long.region}
	}
	o.lent = true
	return c
}

// joinMoves has the pieces that o misses come after events of this database.
func (d *database) joinMoves(o *object) {
	if o.moves() {
		o.long.place = len(d.moves)
		d.moves = append(d.moves, o)
	}
}

func (d *database) leaveMoves(o *object) {
	if o.moves() {
		last := len(d.moves) - 1
		d.moves[o.long.place] = d.moves[last]
		d.moves[o.long.place].long.place = o.long.place
		d.moves[last] = nil
		d.moves = d.moves[:last]
	}
}

// write writes p into o's string at a place. What is between its end and that becomes zeros.
func (d *database) write(o *object, at int, p []byte) {
	n, end := len(o.value), at+len(p)
	switch inside := at < n && o.shared(); {
	case end <= cap(o.value) && !inside:
	case max(n, end) >= regionFrom:
		d.moveOut(o, end)
	case inside:
		o.value, o.lent = append([]byte(nil), o.value...), false
	case at == n:
		o.value = append(o.value, p...)
		return
	}
	if end > n {
		d.bring(o, min(at, n), end) // so that a missing piece is as long as the string lets it
		if o.long != nil {
			o.value = o.value[:end] // it is zeros there
			o.long.region.ahead(end)
		} else {
			o.value = lengthen(o.value, end)
		}
	}
	d.bring(o, at, end)
	copy(o.value[at:], p)
}

// shared reports whether somebody else may have what o's string is now.
func (o *object) shared() bool {
	if o.lent && o.long != nil && o.long.region.refs == 1 && !o.long.region.lent {
		o.lent = false // the copy is gone, or has moved out
	}
	return o.lent
}

// bring has the pieces come that lie between two places of o's string.
func (d *database) bring(o *object, from, to int) {
	if !o.moves() || from >= to {
		return
	}
	l := o.long
	for i := from / pieceBytes; i <= (to-1)/pieceBytes && i < len(l.pieces); i++ {
		if l.pieces[i] != nil {
			copy(o.value[i*pieceBytes:], l.pieces[i])
			l.pieces[i] = nil
			if l.left == 1 {
				d.arrived(o)
				return
			}
			l.left--
		}
	}
}

// bringAll has all pieces come, where o is an object that moves.
func (d *database) bringAll(o *object) {
	if o != nil && o.moves() {
		d.bring(o, 0, len(o.value))
	}
}

// arrived is called when the last piece of o's string has come.
func (d *database) arrived(o *object) {
	d.leaveMoves(o)
	l := o.long
	for _, h := range l.held {
		d.letGo(h.region, h.used)
	}
	if o.weight != 0 { // it is counted, unless an event is changing it
		d.heap -= l.behind
		o.weight -= l.behind
	}
	*l = long{region: l.region}
}

// tidyStrings has the next piece come of a string that moves, and gives some memory back.
// Memory for the piece after it is asked for beside.
func (d *database) tidyStrings() {
	if len(d.moves) > 0 {
		o := d.moves[len(d.moves)-1]
		at := o.nextPiece()
		d.bring(o, at, at+1)
		if o.moves() {
			at = o.nextPiece()
			populate(o.value[at:min(len(o.value), at+pieceBytes)], o.long.region)
		}
	}
	if len(d.spent) > 0 {
		d.unspend()
	}
}

// nextPiece is where the first missing piece of o's string begins.
func (o *object) nextPiece() int {
	l := o.long
	for l.pieces[l.next] == nil {
		l.next++
	}
	return l.next * pieceBytes
}

// dropLong lets go of what an object's string has beside Go's memory.
func (d *database) dropLong(o *object) {
	if o.long == nil {
		return
	}
	d.leaveMoves(o)
	for _, h := range o.long.held {
		d.letGo(h.region, h.used)
	}
	d.letGo(o.long.region, len(o.value))
}

// sum is the digest of o's string, which may be on its way.
func (o *object) sum() uint64 {
	if !o.moves() {
		return xxhash.Sum64(o.value)
	}
	sum := xxhash.New()
	for from := 0; from < len(o.value); from += pieceBytes {
		_, _ = sum.Write(o.pieceOf(from / pieceBytes)) // never fails
	}
	return sum.Sum64()
}
