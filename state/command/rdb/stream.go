package rdb

// streamIDBytes is how many bytes an id has where it is two numbers.
const streamIDBytes = 16

// The flags of an entry in a node.
const (
	nodeEntryDeleted  = 1
	nodeEntrySameName = 2
)

// ID is the id of an entry of a stream.
type ID struct{ MS, Seq uint64 }

// Compare is -1, 0 or 1, as a comes before b, is the same, or comes behind it.
func (a ID) Compare(b ID) int {
	switch {
	case a == b:
		return 0
	case a.MS < b.MS || a.MS == b.MS && a.Seq < b.Seq:
		return -1
	}
	return 1
}

// Stream is what a stream is beside its entries.
type Stream struct {
	Entries uint64  // how many there are
	First   ID      // the id of the first, 0-0 where there is none
	Last    ID      // the greatest that there ever was
	Deleted ID      // the greatest that was ever deleted
	Added   uint64  // entries that were ever added
	Groups  []Group // by name
}

// Group is a consumer group.
type Group struct {
	Name      []byte
	Last      ID         // the entry that it was given last
	Read      int64      // entries that it was ever given, -1 where nobody knows
	Consumers []Consumer // by name
}

// Consumer is a consumer of a group.
type Consumer struct {
	Name    []byte
	Seen    int64     // when it asked for entries last, in ms since 1970
	Active  int64     // when it was given some last; 0: never
	Pending []Pending // by id
}

// Pending is an entry that was delivered and not acknowledged.
type Pending struct {
	ID    ID
	Since int64  // ms since 1970, when it was delivered last
	Count uint64 // how often it was
}
