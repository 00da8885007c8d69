// Package event is the vocabulary of facts: what a log entry can say about the
// data. An event holds final values, never an intention: the members that SPOP
// chose, not SPOP; an absolute expiry, not "in ten seconds". Applying the same
// events to the same state gives the same state, on any machine, at any time.
//
// # An entry's body
//
// The body of a log entry is a sequence of msgpack values: first a header
// array, then one array for each event, to the end of the body. There is no
// count, so events can be appended while they happen.
//
//	body   = header event*
//	header = [ db, conn, cause ]
//	db     = uint                             database of the events that follow
//	conn   = uint                             connection id; 0 is the server itself
//	       | [ uint, addr, user, name, lib, libver ]
//	cause  = str                              the command's name, upper case
//	       | [ bin, bin … ]                   its whole argv where the events do not tell it
//	event  = [ kind, field … ]
//
// A connection's particulars ride in its first entry of each segment (the
// second form of conn), so that a segment explains itself after older ones
// have been dropped. A SET of a 16-byte key and a 32-byte value costs
//
//	fixarray 1 + db 1 + conn 1–3 + cause 4
//	fixarray 1 + kind 1 + bin8 2+16 + bin8 2+32  =  61–63 bytes of body.
//
// # Kinds
//
// Kinds are fixed numbers. One never changes meaning and is never reused; new
// behaviour is a new kind. Readers refuse a kind that they do not know, since
// skipping a fact would give a wrong state.
//
//	 1 Database    [1, db]                    the events after it happen in db
//	 2 Cause       [2, argv]                  the events after it come from this command of
//	                                          a MULTI or script; Apply ignores it
//	 3 Clock       [3]                        the server goes by the wall clock again; Apply
//	                                          ignores all of these
//	               [3, micros]                its clock stands still at µs since 1970
//	               [3, micros, speed]         it goes on from there, speed times as fast
//	                                          as the wall clock
//	10 String      [10, key, value]           key holds value, nothing else, and no expiry
//	               [10, key, value, at]       … and expires at ms since 1970
//	11 Text        [11, key, value, at]       as String, but never int-encoded (INCRBYFLOAT)
//	12 Append      [12, key, tail]            tail was added to the string
//	13 Range       [13, key, offset, bytes]   bytes overwrote the string from offset on,
//	                                          zero-padded up to it
//	20 HashSet     [20, key, f, v, f, v …]    the fields have these values
//	21 HashDelete  [21, key, f, f …]          the fields are gone; an empty hash is no key
//	22 SetAdd      [22, key, m, m …]          the members are in the set
//	23 SetRemove   [23, key, m, m …]          the members are gone; an empty set is no key
//	24 ZSetAdd     [24, key, s, m, s, m …]    the members of the sorted set have these scores
//	25 ZSetRemove  [25, key, m, m …]          the members are gone; an empty sorted set is no key
//	30 Delete      [30, key, reason]          the key is gone
//	31 Expire      [31, key, at]              it expires at ms since 1970; 0: never
//	32 Rename      [32, key, to]              value and expiry moved; to was replaced
//	33 Copy        [33, key, to, db]          to in db became a copy of key, expiry too
//	34 Move        [34, key, db]              value and expiry moved to db
//	35 Flush       [35, db]                   database db is empty
//	36 FlushAll    [36]                       every database is empty
//	37 Swap        [37, a, b]                 databases a and b changed places
//	40 ListPush    [40, key, side, x, x …]    each in turn was put at an end of the list:
//	                                          0 left (the first), 1 right
//	41 ListPop     [41, key, side, n]         n elements at that end are gone; an empty list
//	                                          is no key
//	42 ListSet     [42, key, place, x]        the element at a place (from 0) is x
//	43 ListInsert  [43, key, place, x]        x came to a place, what was there moved right
//	44 ListRemove  [44, key, place, place …]  the elements at these places, ascending, are gone
//	50 StreamAdd   [50, key, id, f, v, f, v …]  an entry came to the end of the stream
//	51 StreamDelete [51, key, id, id …]       the entries are gone; an empty stream is a key
//	52 StreamTrim  [52, key, n]               the first n entries are gone
//	53 StreamSet   [53, key, id, n, id]       the stream is there: its last id ever, how many
//	                                          entries were ever added, the greatest id deleted
//	54 StreamGroup [54, key, group, id, n]    the consumer group is there: the id it was given
//	                                          last, and one more than the entries it was given;
//	                                          0: nobody knows how many
//	55 StreamDestroy [55, key, group]         the group is gone
//	56 StreamConsumer [56, key, group, c, seen, active]  the consumer is there: when it asked
//	                                          last, and when it got something (0: never)
//	57 StreamForget [57, key, group, c]       the consumer is gone with what was pending for it
//	58 StreamPending [58, key, group, c, at, id, n, id, n …]  these entries are pending for the
//	                                          consumer alone, delivered n times, last at ms
//	59 StreamAck   [59, key, group, id, id …] these entries are pending no more
//
// The id of a stream's entry is two integers, ms and number; those of a list ascend.
// Keys, values, fields, members and names are msgpack bin, scores and speeds float 64, integers the shortest msgpack int
// (times and offsets are never negative). A decoder of any language reads it;
// a test decodes every kind with vmihailenco/msgpack.
//
// # Reasons
//
// Delete carries why: user, expired, evicted, overwritten, renamed, flushed,
// undone (see [Reason]).
//
// # Ownership
//
// [Buffer] is written by decisions and read by Apply and the log: the very
// same bytes. A decoded [Event] points into the bytes it was decoded from.
package event
