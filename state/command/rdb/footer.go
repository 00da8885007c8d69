package rdb

import (
	"encoding/binary"
	"errors"
	"hash/crc64"
)

// The versions of the format: what is written, and the greatest that is read.
const (
	written = 10 // Redis 7.0
	newest  = 11 // Redis 7.2
)

const footerBytes = 2 + 8

// ErrFooter is returned by Open when a payload has no footer, one of a newer version, or
// one whose checksum is not that of the payload.
var ErrFooter = errors.New("rdb: version or checksum are wrong")

// Open checks the footer of a payload and returns what stands before it. It says nothing
// of whether that is a value.
func Open(payload []byte) (body []byte, err error) {
	at := len(payload) - footerBytes
	if at < 0 || binary.LittleEndian.Uint16(payload[at:]) > newest ||
		binary.LittleEndian.Uint64(payload[at+2:]) != checksum(payload[:at+2]) {
		return nil, ErrFooter
	}
	return payload[:at:at], nil
}

// Seal appends a footer to a body.
func Seal(body []byte) (payload []byte) { return seal(body, written) }

func seal(body []byte, version uint16) []byte {
	body = binary.LittleEndian.AppendUint16(body, version)
	return binary.LittleEndian.AppendUint64(body, checksum(body))
}

// jones is the polynomial of the checksum with its bits reversed: 0xad93d23594c935a9.
const jones = 0x95ac9329ac4bc9b5

// checksum is CRC-64 of Jones, from 0. Package crc64 complements before and behind, which
// the checksum of Redis does not.
func checksum(p []byte) uint64 { return ^crc64.Update(^uint64(0), crc64.MakeTable(jones), p) }
