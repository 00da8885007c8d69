//go:build 386 || arm || mips || mipsle

package state

// There is no altilium for 32-bit systems: sizes and places of a database's memory are
// ints, and a State takes more addresses than there are. So this does not compile.
var _ = altilium_needs_a_64_bit_system
