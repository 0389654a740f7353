// A guest for tests: each line of its configuration is an operation of package os on a path, as
// `read /keys/a.pem`. What it got goes to standard output. rust/fixtures/files is the same in Rust.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

const pluginConfiguration = 7

// What the host's bytes are in until they are read: the collector sees no pointer of the host.
var given []byte

func main() {}

//go:wasmimport env proxy_get_buffer_bytes
func getBufferBytes(kind, start, most uint32, bytes, size unsafe.Pointer) uint32

//go:wasmexport proxy_abi_version_0_2_1
func abiVersion() {}

//go:wasmexport proxy_on_memory_allocate
func allocate(size uint32) uint32 {
	given = make([]byte, size)
	return uint32(uintptr(unsafe.Pointer(&given[0])))
}

//go:wasmexport proxy_on_configure
func configure(root, size uint32) uint32 {
	var bytes, length uint32
	getBufferBytes(pluginConfiguration, 0, size, unsafe.Pointer(&bytes), unsafe.Pointer(&length))
	for _, line := range strings.Split(string(given), "\n") {
		operation, path, _ := strings.Cut(line, " ")
		got, err := perform(operation, path)
		if err != nil {
			got = fmt.Sprintf("errno %d", numberOf(err))
		}
		fmt.Printf("%s = %s\n", line, got)
	}
	return 1
}

func perform(operation, path string) (string, error) {
	switch operation {
	case "read":
		bytes, err := os.ReadFile(path)
		return string(bytes), err
	case "size":
		bytes, err := os.ReadFile(path)
		return fmt.Sprint(len(bytes)), err
	case "list":
		entries, err := os.ReadDir(path)
		names := []string{}
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		return strings.Join(names, " "), err
	case "stat":
		its, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		if its.IsDir() {
			return fmt.Sprintf("directory %d", its.Size()), nil
		}
		return fmt.Sprintf("file %d", its.Size()), nil
	case "write":
		return "written", os.WriteFile(path, []byte("x"), 0o600)
	case "remove":
		return "removed", os.Remove(path)
	}
	return "", nil
}

func numberOf(err error) int {
	var number syscall.Errno
	if errors.As(err, &number) {
		return int(number)
	}
	return -1
}
