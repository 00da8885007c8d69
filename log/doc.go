// Package log is the primary data: an append-only log of entries in segment
// files, with a manifest, a lock, checks and repair. Everything else (memory,
// checkpoints, indexes) can be thrown away and made again from it.
//
// # Directory
//
//	LOCK          flock: one server at a time; read-only tools look at it at most
//	MANIFEST      what is sealed, which checkpoints and tags there are (JSON + CRC)
//	MANIFEST.copy the same once more, for Repair where the other is damaged
//	wal/          segments; the name is the offset of the first entry, 20 digits
//	checkpoints/  states at offsets (package compaction)
//	index/        which entries of a sealed segment speak of which keys (package
//	              replay/keyindex); made again where it is missing
//	quarantine/   bytes cut off a torn tail, kept aside
//	recordings/   recorded client sessions
//
// The MANIFEST has format 1, and format 2 in a fork: see there.
//
// Directories are 0700, files 0600; a umask can only make that less.
//
// # Entry
//
// The segment files are tidwall/wal's (v1.2.1, binary format): each entry is a
// uvarint length and that many bytes. The bytes are a frame of ours:
//
//	crc      u32 LE   CRC-32C of all that follows, seeded with the log id, so that an
//	                  entry of another log is found out even when it is whole
//	version  u8       1
//	kind     u8       1: a change of data
//	offset   uvarint  less the segment's first offset
//	time     uvarint  µs since 1970 in a segment's first entry, µs after that one in
//	                  the others; never less than the entry before
//	synced   uvarint  offset less the last offset known durable when this was written
//	body     …        see package event; opaque here
//
// A SET of a 16-byte key and a 32-byte value costs 75 to 79 bytes, length byte
// included, where Redis' append-only file takes 75.
//
// synced is what tells a torn tail from damage: an entry that was written when
// offset 900 was already durable proves that a hole at 880 is rot, not a crash.
//
// # Writing
//
// The library is used for one thing, appending a batch with one write. What it
// would do badly it is not asked to do: it never rolls (its cycle fsyncs on the
// writer's path, and a batch is not atomic over a roll), never fsyncs, never
// reads, never truncates. Its SegmentSize is set beyond reach. The roll is
// ours: when the active segment has reached [Options].SegmentSize at the end of
// a Commit, the next Append begins a segment: an empty file of the next name,
// which a fresh instance of the library opens, while the old instance goes to
// the background to be fsynced, closed, and only then recorded as sealed. What the
// library keeps of the bytes that it wrote is thrown away after each write
// (library.go): a turn allocates nothing.
//
//	[Log.Append]  buffers a frame              cannot fail
//	[Log.Commit]  one write; under Always one fdatasync
//
// After a failed write nothing of that turn is in the log: [Log.Heal] cuts the
// segment back to its last committed byte and opens it anew. After a failed
// fsync nothing is certain any more (the kernel may have dropped the pages and
// reported it once): [Options].Fatal is called, nothing is acknowledged, the
// process must stop and start from the disk.
//
// # Invariants
//
//	durable <= last < next; durable moves in the syncer (or Commit under Always),
//	last in Commit, next in Append.
//	A segment is sealed (in the MANIFEST) only after its fsync.
//	Time never goes backwards, offsets have no gaps.
//
// # Goroutines
//
//	goroutine   owns                            reached by       stops
//	the writer  Append, Commit, Heal, the roll
//	syncer      fsync each second, sealing      wake channel     Close, which waits for it
//	readers     their own descriptors           Last (atomic)
//
// # Start
//
// The numbers are those of the whole start (package replay has 3, 5 and 8).
//
//	1 lock      [OpenDir]; ErrInUse names the process that has it
//	2 manifest  its CRC, its format version; missing while wal/ has segments: refused,
//	            since without the log id no entry can be checked
//	4 scan      [Dir.Scan]: the sealed segments of the manifest are all there with
//	            their sizes; names are contiguous; from the wanted offset on every
//	            frame's CRC, offset and time are right, and each is handed out
//	6 open      [Dir.OpenAppend]: clean-stop mark removed, this boot noted
//	7 fsync     everything found is durable before anything new is acknowledged
//
// The first bad frame in a segment that is not sealed is judged:
//
//	nothing valid after it                              a torn tail: cut
//	a valid entry after it, and one of
//	  an entry after it was written when it was durable
//	  the clean-stop mark lies at or after it
//	  a registered checkpoint does (the log is synced up to it first)
//	  the machine has not been rebooted since           damage: refused
//	a valid entry after it, nothing of that             power loss wrote pages out of
//	                                                    order: cut from there on
//
// What is cut goes to quarantine/ first, and is reported. A log shorter than its
// clean-stop mark has lost entries: damage. Everything in a sealed segment is
// damage. Damage is refused with file, byte, offset and the command that saves
// what is good; the directory is left as it is. Tools that only read judge the end of
// what they have read in the same way ([Reader.Whole]), and cut nothing.
//
// What cannot be detected: a whole newest segment, or the end of one, replaced
// by an older copy of itself after an unclean stop.
//
// # The end
//
// After Close the directory may have another owner: Commit, Heal, Sync,
// UpdateManifest and DropBefore answer ErrClosed, and Close waits for one that
// another goroutine has begun. The same holds when the directory is moved,
// removed or replaced under a running server. Segments are written through
// descriptors, which go where the directory went, but everything else goes by
// name. So each change that goes by name first looks whether LOCK still is the file that
// is locked (ErrMoved), and the syncer looks each second and ends writing for good.
//
// # Fork
//
// [Fork] makes a second directory of a log and its history up to an entry. Sealed
// segments and checkpoints are the same files in both, by hard links: neither is ever
// written again, only unlinked, and a checkpoint that is made anew comes under the
// name by a rename. So it takes a moment, whatever the size. The segment with the entry in it
// is copied up to there and is sealed by that; what the fork writes goes to segments of
// its own. A start that would change a segment with a second name all the same, because
// its manifest is older than the sealing, makes a copy of its own first.
//
//	the source, id A   [1 …  900] [901 … 1800] [1801 … 2700] [2701 …
//	                       ║           ║             │ copied up to the entry
//	its fork, id B     [1 …  900] [901 … 1800] [1801 … 2000] [2001 …
//
// A fork has an id of its own, or the entries that both write after it could be
// mistaken for each other's. What came along was written with the source's id, so the
// MANIFEST of a fork says so in its ancestors: [(A, up to 2000)]. Whoever checks the CRC of a
// segment or a checkpoint asks [Manifest.IDAt]. A segment has entries of one id only. A fork of the fork at
// @2500 has [(A, up to 2000), (B, up to 2500)], one at @1500 just [(A, up to 1500)].
// A program that does not know of ancestors would take all this for damage: with them the
// format is 2, which it refuses.
//
// # Repair
//
// [Repair] makes a new directory of what is good, and never touches the old one:
// the entries up to the damage; or, where a usable checkpoint lies behind the
// damage, that checkpoint and every entry after it, so that damage to history
// costs no data. All other bytes go to the new directory's quarantine/.
package log
