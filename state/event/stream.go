package event

import "strconv"

// Stream is what events of streams say beyond the fields of [Event]. Its slices are
// used again by the next Decode, those of bytes point into what was decoded.
type Stream struct {
	Group    []byte   // StreamGroup … StreamAck
	Consumer []byte   // StreamConsumer, StreamForget, StreamPending
	ID       ID       // StreamAdd: of the entry; StreamSet: the last one ever; StreamGroup: the last one delivered
	Deleted  ID       // StreamSet: the greatest that was ever deleted
	Added    uint64   // StreamSet: entries that were ever added
	Read     int64    // StreamGroup: entries that were ever read, -1 where nobody knows
	Active   int64    // StreamConsumer: ms since 1970, 0 for never
	IDs      []ID     // StreamDelete, StreamPending, StreamAck: ascending
	Counts   []uint64 // StreamPending: how often each of IDs was delivered
}

// StreamAdd: an entry came to the end of the stream; pairs is field, value, field, value.
func (b *Buffer) StreamAdd(key []byte, id ID, pairs ...[]byte) {
	b.open(StreamAdd, 3+len(pairs))
	b.bin(key)
	b.id(id)
	for _, p := range pairs {
		b.bin(p)
	}
}

// StreamDelete: the entries with these ids, ascending, are gone.
func (b *Buffer) StreamDelete(key []byte, ids ...ID) {
	b.open(StreamDelete, 1+2*len(ids))
	b.bin(key)
	b.ids(ids)
}

// StreamTrim: the first n entries are gone.
func (b *Buffer) StreamTrim(key []byte, n int) {
	b.open(StreamTrim, 2)
	b.bin(key)
	b.uint(uint64(n))
}

// StreamSet: the stream is there; last is the greatest id that it ever had, added how
// many entries, and deleted the greatest id that was deleted.
func (b *Buffer) StreamSet(key []byte, last ID, added uint64, deleted ID) {
	b.open(StreamSet, 6)
	b.bin(key)
	b.id(last)
	b.uint(added)
	b.id(deleted)
}

// StreamGroup: the consumer group is there; last is the id that it was given last, and
// read how many entries it was ever given, -1 where nobody knows.
func (b *Buffer) StreamGroup(key, group []byte, last ID, read int64) {
	b.open(StreamGroup, 5)
	b.bin(key)
	b.bin(group)
	b.id(last)
	b.uint(uint64(read) + 1)
}

// StreamDestroy: the consumer group is gone.
func (b *Buffer) StreamDestroy(key, group []byte) {
	b.open(StreamDestroy, 2)
	b.bin(key)
	b.bin(group)
}

// StreamConsumer: the consumer is there; it asked for entries at seen and was given some
// at active, both in ms since 1970, 0 for never.
func (b *Buffer) StreamConsumer(key, group, consumer []byte, seen, active int64) {
	b.open(StreamConsumer, 5)
	b.bin(key)
	b.bin(group)
	b.bin(consumer)
	b.uint(uint64(seen))
	b.uint(uint64(active))
}

// StreamForget: the consumer is gone, and with it what was pending for it.
func (b *Buffer) StreamForget(key, group, consumer []byte) {
	b.open(StreamForget, 3)
	b.bin(key)
	b.bin(group)
	b.bin(consumer)
}

// StreamPending: the entries with these ids, ascending, are pending for the consumer, and
// for no other; each was delivered counts times, and last at ms since 1970.
func (b *Buffer) StreamPending(key, group, consumer []byte, at int64, ids []ID, counts []uint64) {
	b.open(StreamPending, 4+3*len(ids))
	b.bin(key)
	b.bin(group)
	b.bin(consumer)
	b.uint(uint64(at))
	for i, id := range ids {
		b.id(id)
		b.uint(counts[i])
	}
}

// StreamAck: the entries with these ids, ascending, are pending no more.
func (b *Buffer) StreamAck(key, group []byte, ids ...ID) {
	b.open(StreamAck, 2+2*len(ids))
	b.bin(key)
	b.bin(group)
	b.ids(ids)
}

func (b *Buffer) id(id ID) {
	b.uint(id.MS)
	b.uint(id.Seq)
}

func (b *Buffer) ids(ids []ID) {
	for _, id := range ids {
		b.id(id)
	}
}

// ofStream reports whether events of this kind are about a stream.
func (k Kind) ofStream() bool { return k >= StreamAdd && k <= StreamAck }

// takesStream is takes for the kinds of streams.
func (k Kind) takesStream(n int) bool {
	switch k {
	case StreamTrim, StreamDestroy:
		return n == 2
	case StreamForget:
		return n == 3
	case StreamGroup, StreamConsumer:
		return n == 5
	case StreamSet:
		return n == 6
	case StreamAdd:
		return n >= 5 && n%2 == 1
	case StreamDelete:
		return n >= 3 && n%2 == 1
	case StreamAck:
		return n >= 4 && n%2 == 0
	case StreamPending:
		return n >= 7 && n%3 == 1
	}
	return false
}

// streamFields reads what follows the key in an event of n fields.
func (e *Event) streamFields(d *decoder, n int) {
	if e.Stream == nil {
		e.Stream = &Stream{}
	}
	s := e.Stream
	*s = Stream{IDs: s.IDs[:0], Counts: s.Counts[:0]}
	if e.Kind >= StreamGroup {
		s.Group = d.Bin()
	}
	switch e.Kind {
	case StreamAdd:
		s.ID = d.id()
		e.Items = d.list(e.Items, n-3)
	case StreamDelete:
		s.ids(d, (n-1)/2, false)
	case StreamTrim:
		e.At = d.Int()
	case StreamSet:
		s.ID, s.Added, s.Deleted = d.id(), d.Uint(), d.id()
	case StreamGroup:
		s.ID, s.Read = d.id(), int64(d.AtMost(1<<63)-1)
	case StreamConsumer:
		s.Consumer, e.At, s.Active = d.Bin(), d.Int(), d.Int()
	case StreamForget:
		s.Consumer = d.Bin()
	case StreamPending:
		s.Consumer, e.At = d.Bin(), d.Int()
		s.ids(d, (n-4)/3, true)
	case StreamAck:
		s.ids(d, (n-2)/2, false)
	}
}

// ids reads n ascending ids, each with a count where counted says so.
func (s *Stream) ids(d *decoder, n int, counted bool) {
	for i := range n {
		id := d.id()
		if i > 0 && !s.IDs[i-1].Less(id) {
			d.Fail()
		}
		if counted {
			s.Counts = append(s.Counts, d.Uint())
		}
		if d.Bad {
			break
		}
		s.IDs = append(s.IDs, id)
	}
}

func (d *decoder) id() ID { return ID{MS: d.Uint(), Seq: d.Uint()} }

// appendStream appends what follows the key in a line for a person.
func (e *Event) appendStream(dst []byte) []byte {
	s := e.Stream
	if s.Group != nil {
		dst = AppendQuoted(append(dst, ' '), s.Group)
	}
	if s.Consumer != nil {
		dst = AppendQuoted(append(dst, ' '), s.Consumer)
	}
	switch e.Kind {
	case StreamAdd:
		dst = appendPairs(s.ID.Append(append(dst, ' ')), e.Items)
	case StreamTrim:
		dst = appendInt(dst, " ", e.At)
	case StreamSet:
		dst = s.ID.Append(append(dst, " last "...))
		dst = strconv.AppendUint(append(dst, " added "...), s.Added, 10)
		dst = s.Deleted.Append(append(dst, " deleted "...))
	case StreamGroup:
		dst = appendInt(s.ID.Append(append(dst, " at "...)), " read ", s.Read)
	case StreamConsumer:
		dst = appendInstant(append(dst, " seen "...), e.At)
		if s.Active > 0 {
			dst = appendInstant(append(dst, " active "...), s.Active)
		}
	case StreamPending:
		dst = appendInstant(append(dst, " since "...), e.At)
	}
	for i, id := range s.IDs {
		dst = id.Append(append(dst, ' '))
		if e.Kind == StreamPending {
			dst = strconv.AppendUint(append(dst, "×"...), s.Counts[i], 10)
		}
	}
	return dst
}
