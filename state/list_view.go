package state

// Elements is the elements of a list, from 0 on the left. The zero value is that of a key
// that does not exist.
type Elements struct {
	packed []byte // of a small list
	n      int
	list   *list // a large one

	at       int // the last place that At was asked for
	chunk    int // where that is, of a large list
	from, to int // and in which bytes; to is 0 before the first call
}

// elements is what a list holds.
func (e *entry) elements() *Elements {
	if e.listed() {
		return &Elements{list: e.o.list, n: e.o.list.seq.n}
	}
	seq, _, elements := listHeadOf(e.payload)
	return &Elements{packed: elements, n: seq.n}
}

// Len is the number of elements; 0 where there is no key.
func (l *Elements) Len() int { return l.n }

// At is the element at a place from 0 to Len()-1, valid until the next Apply. Going from
// one place to the next, or to the one before, costs next to nothing, going anywhere else
// a walk over the chunks of a large list, or all of a small one.
func (l *Elements) At(i int) (x []byte) {
	switch {
	case l.to > 0 && i == l.at+1:
		l.step()
	case l.to > 0 && i == l.at-1:
		l.back()
	default:
		l.jump(i)
	}
	l.at = i
	x, l.to = elementAt(l.data(), l.from)
	return x
}

// data is the bytes that from and to are of.
func (l *Elements) data() []byte {
	if l.list == nil {
		return l.packed
	}
	return l.list.chunks[l.chunk].data
}

func (l *Elements) step() {
	if l.from = l.to; l.from == len(l.data()) {
		l.chunk, l.from = l.chunk+1, 0
	}
}

func (l *Elements) back() {
	if l.from == 0 {
		l.chunk--
		l.from = len(l.data())
	}
	_, l.from = elementBefore(l.data(), l.from)
}

func (l *Elements) jump(i int) {
	if l.list == nil {
		c := chunk{data: l.packed, n: l.n}
		l.from = c.offset(i)
		return
	}
	c, in := l.list.find(i)
	l.chunk, l.from = c, l.list.chunks[c].offset(in)
}

// each hands all elements to fn, from the left.
func (l *Elements) each(fn func(x []byte)) {
	for i := range l.n {
		fn(l.At(i))
	}
}
