package state

// mapKeyspace is the plain keyspace: a Go map for finding, a slice for order.
type mapKeyspace struct {
	index map[string]*entry
	list  []*entry
}

func newMapKeyspace() *mapKeyspace { return &mapKeyspace{index: map[string]*entry{}} }

func (k *mapKeyspace) Get(key []byte) *entry { return k.index[string(key)] }

func (k *mapKeyspace) Put(e *entry) {
	e.slot = int32(len(k.list))
	k.list = append(k.list, e)
	k.index[e.key] = e
}

func (k *mapKeyspace) Delete(e *entry) {
	last := len(k.list) - 1
	moved := k.list[last]
	k.list[e.slot] = moved
	moved.slot = e.slot
	k.list[last] = nil
	k.list = k.list[:last]
	delete(k.index, e.key)
}

func (k *mapKeyspace) Len() int        { return len(k.list) }
func (k *mapKeyspace) At(i int) *entry { return k.list[i] }

func (k *mapKeyspace) Reserve(n int) {
	if n <= len(k.list) {
		return
	}
	index := make(map[string]*entry, n)
	for _, e := range k.list {
		index[e.key] = e
	}
	k.index = index
	k.list = append(make([]*entry, 0, n), k.list...)
}
