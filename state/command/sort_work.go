package command

import (
	"bytes"
	"math/bits"
)

// What SORT does grows with more than what a client has sent and what there is: each
// element is put into each pattern, and two long elements may be compared many times. Redis
// bounds none of it. Here work is counted, in bytes that are copied, hashed or compared, some
// five in a nanosecond; what takes its time without many of them counts as much as they
// would. What is sure to be too much is refused before anything is done, the rest when it
// becomes too much: long elements and values, a quicksort's bad luck.
//
// maxSortWork is chosen so that what applications sort goes through: a million elements, BY
// one pattern and with three to GET, or three million by themselves. Either takes between
// two and four seconds, here and in Redis, and whatever else a client thinks of takes no longer.
const (
	maxSortWork = 16 << 30
	itemWork    = 1 << 10 // an element that is read, or answered
	lookupWork  = 2 << 10 // a key
	keyWork     = 2       // each byte of it, copied and hashed
	compareWork = 128     // two items; and so many bytes of them
	digitWork   = 32      // each byte of a number
	missWork    = 32      // each byte of a key that is told of to who listens, and is kept for him meanwhile
)

const textSortWork = "ERR this would take too long (longer than to sort three million elements): sort or get fewer at once, with less or shorter patterns, or of shorter values"

// affords is whether to sort n elements, of which so many are answered, may be begun.
func (s *sorting) affords(n, answered int) bool {
	read := n
	if s.unsorted {
		read = answered
	}
	if read > maxSortWork/itemWork { // the products below are no more than 2^62 then
		return false
	}
	each := 0
	for i := range s.gets {
		each += s.gets[i].work()
	}
	s.left -= read*itemWork + answered*max(1, len(s.gets))*itemWork
	ahead := answered * each
	switch {
	case s.unsorted:
	case s.by != nil:
		ahead += n * s.by.work()
		ahead += (n + answered*bits.Len(uint(answered))) * compareWork // sortPart leaves the rest unsorted
	default:
		ahead += n * bits.Len(uint(n)) * compareWork
	}
	return ahead <= s.left
}

// sortPattern is a pattern of BY or GET, taken apart where an element goes: at its first *.
type sortPattern struct {
	isElement bool // #
	fixed     bool // there is no *

	before, behind []byte
	field          []byte // of a hash, after ->; nil: the key holds a string
}

func newSortPattern(pattern []byte) (p sortPattern) {
	text := cString(pattern)
	star := bytes.IndexByte(text, '*')
	p.isElement = IsWord(pattern, "#")
	if p.fixed = star < 0; p.fixed {
		return p
	}
	p.before, p.behind = pattern[:star], pattern[star+1:]
	if arrow := bytes.Index(text[star+1:], []byte("->")); arrow >= 0 && star+1+arrow+2 < len(text) {
		p.behind, p.field = p.behind[:arrow], p.behind[arrow+2:]
	}
	return p
}

// work is what a lookup takes, but for the element.
func (p *sortPattern) work() int {
	if p.isElement || p.fixed {
		return 0
	}
	return lookupWork + keyWork*(len(p.before)+len(p.behind)+len(p.field))
}
