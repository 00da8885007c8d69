// Package keyindex finds the entries of a log that speak of one key, without reading the
// others. A log of 1 GB has ten million entries; what one key held at some moment follows
// from a handful of them.
//
// An index is a shortcut only: all that it says follows from its segment. One that is
// missing, rotten, half written or another segment's is made again, and whoever reads
// never gets an error for it.
//
// # What is listed
//
//	a key          each entry with an event that changes the key by name (event.Event.Keys):
//	               once, however many events there are
//	whole          each entry with a Flush, FlushAll or Swap: they change keys that they do
//	               not name
//	a connection   each entry that says who a connection is (event.Origin): it is there once
//	               in a segment, and who reads a single entry of that connection wants it
//
// Keys are listed by a hash of 32 bits: that of the keyspace (state.Hasher, seeded with the
// log's root) mixed with the number of the database; connections likewise, as if they were
// keys of a seventeenth. Two keys may have the same hash: an index never leaves an entry out,
// but may give one too many. Whoever uses it looks into the entry.
//
// # The file
//
// index/00000000000000000001.idx belongs to the sealed segment wal/00000000000000000001.
// Numbers are little-endian.
//
//	file     = head padding block*           the blocks begin at byte 8192
//	head     = magic version u32 | log id [16] | segment | first time i64
//	           | records u64 | whole u64 | fanout [1024] u32 | crc u32
//	magic    = "altkidx\n"
//	segment  = first u64 | count u64 | size u64 | last crc u32
//	block    = record [511] | number u32 | crc u32                          4096 bytes
//	record   = spot u32 | hash u32
//
//	crc      of the head: CRC-32C seeded with the log id, over all before it. Of a block: over
//	         the head's CRC and all of the block before it: a block of another index, or out
//	         of place, is found out though it is whole
//	segment  what the MANIFEST says of the segment that this was made from: an index that
//	         belongs to other bytes is found out
//	first time  of the segment's first entry in µs, which the others count theirs from: so
//	         one entry is read by one pread
//	spot     where the entry begins, log.Spot
//	records  sorted by hash, then spot. As one number of 64 bits a record has the hash in
//	         its upper half, so that is the order of the numbers
//	whole    is how many records follow those, from a block of their own on: of the entries
//	         that speak of whole databases, with a hash of 0
//	fanout   how many records have a hash whose first ten bits are at most its number
//
// The last block of either kind is filled up with zeros. 8 bytes for each key that an entry
// names make a tenth of a log of plain SETs.
//
// # Looking up
//
// [File.Before] and [File.After] find the neighbour of a place: the last entry of a key
// before a spot, or the first at or after one. Fanout narrows the search to the records
// of one hash in 1024, which are one block or two of a segment of 16 MiB, and halving of
// blocks does the rest in larger ones. So a lookup opens a file and reads the head and one
// block, and what follows for the same key lies in that block most often. Nothing is read
// that grows with the segment. A history or a lookup of a value goes from one entry to the
// next with it, and stops when it has what it wants.
//
// [Index.Some] tells of some entries wherever they are in the segment: the records of one block,
// since hashes that are next to one another are those of keys from anywhere. So the entry at an
// offset, or after a time, is found from one a few hundred before it (replay.Seeker.TimeOf,
// FindTime). Where few keys have most of the entries a block is of one of them, and of one stretch
// of the segment: then up to sixteen are looked into, which are far from one another.
//
// What goes on from entry to entry asks for those beside one in its block ([Index.Beside]), and
// has those that lie close together read at once (log.Picker.Expect). Who wants many keys goes
// through the index as a whole ([Set.Listed]).
//
// # The newest segments
//
// A segment that is not sealed has no file. [Tail] has its records in memory: somebody
// feeds it all entries after the sealed segments, once, and goes on as entries come. A
// server keeps one; a tool makes one for each run.
//
// # Who makes them
//
// [Set] is what readers ask. It uses the file of a segment, and makes it where there is no
// good one: in memory, to answer, and on the disk, where the directory has a folder for it
// and lets us write. It never makes the folder: that would be its own and not the server's,
// which runs as another user perhaps. [Keep] does the same ahead of time, beside a server:
// it makes the files of segments as they are sealed, and removes what nobody needs.
//
// A file is written under a temporary name of its own, fsynced and renamed: two that make
// the same do each other no harm.
package keyindex
