package resp

import "sync"

// Buffers are blocks of memory that Writers hand on to each other. Long replies, in
// pipelines above all, would otherwise have each connection grow a buffer, copying it again
// and again, and give it to the collector when they are sent. What nobody has used for a
// while is the collector's. The zero value is ready; any goroutine may use it.
type Buffers struct{ pools [len(blockSizes)]sync.Pool } // of *[]byte

// blockSizes are the sizes of blocks in bytes. The largest holds what becomes a part.
var blockSizes = [...]int{128 << 10, 512 << 10, closeFrom + closeFrom/8}

// blockFrom is the length in bytes from which a Writer takes a block: shorter buffers are
// its own.
const blockFrom = 16 << 10

// get is a block of n bytes at least, nil where none are so large.
func (b *Buffers) get(n int) *[]byte {
	for i, size := range blockSizes {
		if n > size {
			continue
		}
		if block, ok := b.pools[i].Get().(*[]byte); ok {
			return block
		}
		block := make([]byte, 0, size)
		return &block
	}
	return nil
}

// put takes a block back that nobody reads any more.
func (b *Buffers) put(block *[]byte) {
	for i, size := range blockSizes {
		if cap(*block) == size {
			b.pools[i].Put(block)
		}
	}
}
