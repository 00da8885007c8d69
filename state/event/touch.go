package event

import "bytes"

// Keys hands visit every key that e changes by name when it happens in database
// db, each with its own database: the source and the target of a rename, only
// the target of a copy. What changes whole databases (Flush, FlushAll, Swap)
// names no keys: see [Event.Touches]. The keys point where e does.
func (e *Event) Keys(db int, visit func(db int, key []byte)) {
	switch e.Kind {
	case Database, Cause, Clock, Flush, FlushAll, Swap:
	case Rename:
		visit(db, e.Key)
		visit(db, e.To)
	case Copy:
		visit(e.DB, e.To)
	case Move:
		visit(db, e.Key)
		visit(e.DB, e.Key)
	default:
		visit(db, e.Key)
	}
}

// Touches reports whether e, when it happens in database db, may change what key
// holds in database in. For Flush and FlushAll that is so if the key is there at
// all, for Swap if it is there on either side: only the state can tell.
func (e *Event) Touches(db, in int, key []byte) bool {
	switch e.Kind {
	case Flush:
		return e.DB == in
	case FlushAll:
		return true
	case Swap:
		return e.DB != e.DB2 && (e.DB == in || e.DB2 == in)
	}
	found := false
	e.Keys(db, func(at int, k []byte) { found = found || at == in && bytes.Equal(k, key) })
	return found
}

// OnDatabases reports whether e changes whole databases and names no key.
func (e *Event) OnDatabases() bool { return e.Kind == Flush || e.Kind == FlushAll || e.Kind == Swap }
