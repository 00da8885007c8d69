// Package replay brings states back from the log: at a start, at any moment of
// the past, and into a new data directory. All of it is package compaction's
// Build, the newest checkpoint and the log after it; here is what people and
// programs do with that.
//
// # Start
//
// [Recover] opens a data directory. Each number is the name of a test.
//
//	1 lock        one server at a time. Another one's process is named (log.ErrInUse)
//	2 manifest    its CRC, its format; leftovers of checkpoints being written are removed
//	3 checkpoint  the newest that is whole and right. One that is not is reported by name
//	              and an older one is taken; none and the log begins at 1: the empty
//	              state; none and it does not: refused (compaction.NoBase)
//	4 scan        every entry after the checkpoint, in one pass that checks, repairs a
//	              torn tail and hands out (log.Dir.Scan). Damage is refused. A log that
//	              ends before a registered checkpoint has lost entries: refused too
//	5 replay      each entry is applied as it is handed out, on a second goroutine: the
//	              start reads the log once, and the slower of reading and applying is
//	              what it costs
//	6 open        for appending; the clean-stop mark goes
//	7 fsync       what was found is on the disk before anything is acknowledged on it
//	8 serve       the caller's
//
// Steps 1, 2, 6 and 7 are package log's, and so is the judgement in 4. While it
// loads, the caller answers -LOADING and shows the progress that it is told. A
// start allocates mostly what stays, so the garbage collector has little to find:
// a caller that loads much does well to raise its percentage meanwhile
// (debug.SetGCPercent(400)) and to put it back after.
//
// # After a failed write
//
// Memory may then be ahead of the log, so memory is wrong. [Rebuild] heals the log
// and builds the state of what is in it; [Committed] only builds, so that reads can
// go on while the disk is still full.
//
// # Points
//
//	@12345                     after entry 12345; @0 is before the first
//	@first                     after the first entry that can be reached
//	@last, @last-100           after the last, a hundred before it
//	@2026-01-01T10:00:00Z      after the last entry at or before then (RFC 3339, with a zone)
//	-5m, -2h30m, -3d           so long ago: ns us ms s m h of Go, before them w and d;
//	                           @-5m is the same
//	name                       where a tag points
//	any of them, then ^        just before it: one entry earlier; ^^ two
//
//	A..B                       the entries after A up to B, as in git
//	A..                        up to @last
//	..B                        from the first reachable point
//	A                          the one entry that A is after
//
// A point resolves to an offset and a clock. The clock is the time that was asked
// for, or else the time of the entry: it decides which keys have expired in the
// state that is shown. A time that has not come yet is the future, though the last
// entry lies before it. After the clock was set back, entries have the time of the last one
// before that until it has caught up: a point by time is by the log's times, so one between
// is what was last then in the first run of the clock. Every error names what can be reached and the nearest tag
// in it:
//
//	@100 is before the first reachable point @5000; reachable: @5000 to @9000 (2026-…); nearest tag: pre-migrate @5120
//
// # Single keys
//
// What one key held at a moment does not want the whole state of it. A [Seeker] goes from
// that moment backwards through the entries that speak of the key (package keyindex finds
// them) and stops where it knows enough:
//
//	a SET, a DEL, a flush    says all: what came before does not matter
//	another change           is kept, to be applied to what is found before it
//	RENAME, COPY, MOVE to it what it held is what the other key held then: that is followed
//	                         from there on, and SWAPDB likewise, into the other database
//	the newest checkpoint    has the key, or has it not (compaction.Finder)
//	before the moment
//
// A value has one line of descent, whatever keys it has been under; no other key matters to it.
// So nothing is searched twice, and a key that is renamed over again and again costs no more
// than one that is set. (The other way round, forwards from the checkpoint, each rename would
// bring in another key that the search would have to begin anew with.) What was kept is then
// applied by State.Apply, oldest first, to a state that holds that key alone: the same code
// on the same bytes as ever. The cost is that of the changes since the last one that says all,
// and does not grow with the database or the log. Who only looks gets the same little state each
// time, emptied ([Seeker.Read]).
//
// Most often the present has what is asked for: where no entry after a moment speaks of a key, it
// holds now what it held then. [Seeker.Untouched] says so by the indexes alone, for moments in the
// newest segments, so that whoever has the present state at hand need not go back at all.
//
// Histories use the same, and remember who a connection was between two entries of a segment
// that say so. Of the last changes of a key, LOG KEY … REV COUNT n, no more than those are
// read: a key that is changed over and over has a history as long as the log. The segments
// that are not sealed are indexed in memory: by an [Indexer] beside a server, by each Seeker
// for itself in a tool.
//
// # Forking
//
// [Fork] makes a new directory that is the old one as it was at a point, with all of its
// history that can be reached, its tags and its checkpoints. What is sealed is shared by hard
// links, so that it takes a moment: see package log. Both go on apart. As with Restore there
// is no new directory, or a complete one. Nothing is replayed: a fork is as whole as its
// source, of whose files it checks the sizes, and the entries that it copies.
//
// # Restoring
//
// [Restore] never touches what it reads. It makes a new directory: a log of its own
// whose first offset is the one after the point, with the old log as its parent, and
// a checkpoint of what is [Wanted] of the state there. Offsets so stay comparable, and the new log's id
// tells its entries from the old one's. The directory is built under another name,
// opened and compared, and renamed into place at last: a kill at any moment leaves
// no directory of the wanted name, or a complete one. The tags of the old log stay
// with it.
//
// [RestoreInPlace] goes back in the directory itself, by one more entry: the difference
// that [Compare] finds, as ordinary events. It is applied in memory and held against the
// point before it is written; then comes a checkpoint. A kill leaves the state before it or
// the one after. The log is not cut, so that going back to just before the entry undoes
// it. Values, expiries and the order of small collections are what they were; the
// encoding that OBJECT ENCODING tells may not be, where it depended on what a value had been
// before. What does not fit into one entry (1 GiB) is refused; a new directory has no such
// limit. [BeforeLast] finds the point before the last FLUSHALL, or any other command.
//
// Expiries are moments, so that of what is restored much may be due. [TTL] says what becomes
// of them:
//
//	absolute   nothing. A key whose time has come since is gone as soon as a server looks
//	shift      what a key had left to live at the point, it has left from now on
//	frozen     there are none any more: nothing goes away by itself, whatever server opens
//	           the directory. What was due at the point is not there
//
// To have the moment with its expiries, standing still: absolute, into a new directory, and
// a server with the setting clock = frozen, whose clock begins at that directory's last moment.
// A directory made with shift has the moment of its making for that. In place, shift and
// frozen are for every key with an expiry, also one that has not changed since the point.
//
// # Going back in a log that goes on
//
// [Return] finds what leads back from the last entry, as events for one more, while a server
// writes on. All follows from the entries between: they say which keys may differ. Which way is
// taken depends on how many those are:
//
//	few keys        each is looked up as it was at the point (a Seeker), once for whoever goes
//	                back there again ([Known]). What they are now follows from that and the
//	                entries since, or is looked up likewise; whether one was written since
//	                what is undone, its newest entry says
//	many, or whole  a view of the state at the point. What the keys are now follows from what
//	databases       they were there and the entries since, applied to a copy of just these
//	                keys. Of a database that was emptied no more need be copied: the others
//	                are not there now. One that was swapped is copied as a whole
//
// So the database as it is now is never built or read, and the cost is that of the entries since
// and of the keys that they touch; only databases that were emptied or swapped are compared as
// a whole. Who knows that all data was the same again after a later entry ([Return.Same]) has no
// entries to read but those after that one.
//
// To undo entries is to go back to before the first of them with the keys that they have
// changed, and no others. One of these that differs and that a later entry may have changed is a
// conflict: going back would take more than what is undone. After a flush or swap of its database
// every key may have been changed.
//
// Where expiries are shifted or frozen, keys differ that no entry has touched.
//
// # History
//
// [Seeker.Changes] follows one key: every entry that changed it, with what it held before
// and after. It reads those entries and no others. That is not only what names it: a rename over it, FLUSHALL and SWAPDB
// change it too. An expiry that has come changes nothing by itself; the entry that
// then removes the key does. What was held is told to who asks for it: it is copied for each
// change.
//
// [Seeker.Blames] says of each part of what a key holds which entry wrote it last.
//
// [Entries] reads all entries, unpacked. Who a connection is rides in its first
// entry of a segment, so reading that begins in the middle of one looks at its
// earlier entries first.
//
// # Differences
//
// [Compare] puts two moments side by side, element by element: the keys that the entries
// between them name. So the cost is that of what has changed, not of the database:
//
//	up to 64 keys     are looked up at both ends, as single keys are
//	more              are sifted out of the newest checkpoint before the earlier moment and
//	                  the log from there to the later one: what concerns other keys falls
//	                  through, and where the indexes can tell is not read. A key that one of
//	                  them was made from (RENAME, COPY, MOVE, SWAPDB) becomes one, and the
//	                  reading begins anew
//	most of all keys  or a log in between that is longer than the way from a checkpoint:
//	                  both whole states are built, at once
//
// All three say the same, which a test holds against one another. Only FLUSHDB, FLUSHALL
// and SWAPDB make all keys be compared. Nothing differs just where the states' digests are
// the same. As in a history, an expiry that has come is no difference until an entry has
// removed the key. [Comparison.Commands] says a difference in commands.
//
// # Views
//
// [Views] are whole states of the past that are kept for those who look there again: so
// many at most, built one at a time, and moved forward where that is less work than to begin
// at a checkpoint. A state is read by one goroutine at a time.
//
// # Bisecting
//
// [Bisection] finds the first entry after which a condition no longer holds, between a
// point where it does (good) and a later one where it does not (bad). What the condition
// is, the caller's Try says, which is shown one state after another:
//
//	1 ends       good, then bad, are tried. One that is not as said is an *EndError
//	2 choose     the entries after good up to bad that can matter: all of them, or those
//	             that touch a key that Touches names or speak of whole databases (FLUSHALL,
//	             SWAPDB), found in one reading of that piece of log
//	3 halve      the one in the middle is tried; the half is kept whose ends differ. One
//	             after a checkpoint is taken for the middle where it lies in the middle half:
//	             its state costs no replay
//	4 end        no entry is left between the last good one and the first bad one
//
// Two hundred thousand entries take eighteen tries. Where the condition has come and gone
// several times, what is found is one of the entries after which it had gone.
//
// The one state that there is moves forward where it can; to go back it is built anew from
// the newest checkpoint before. Each try sees the clock of its entry, so a key may be gone
// because its time has come though no entry has said so. Where the keys that matter have
// expiries after the last good entry that touches them (Expiring), the entries from there
// on are therefore bisected too, and the one that is found is the first of so late a time
// (Found.Clock).
//
// A Try may say that it cannot tell (Skip). Then others near the middle are tried, farther
// and farther away from it; when [MostSkips] in a row cannot be told, or none is left, what
// is found is a range of suspects: the first bad entry is one of them.
//
// # Goroutines
//
// None outlives a call, but an [Indexer]'s, which is its owner's. Compare builds one of two whole states on another; Build and Recover
// run an applying one while they read.
package replay
