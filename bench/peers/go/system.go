// The rows of pipes, names, processes and files; see system.h.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// The processor time of this process, in nanoseconds.
func cpu() float64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return float64(used.Utime.Nano() + used.Stime.Nano())
}

func pipes(wl string, n, size int) {
	thereR, thereW, err := os.Pipe()
	check(err)
	backR, backW, err := os.Pipe()
	check(err)
	go func() {
		b := make([]byte, 65536)
		for {
			n, err := thereR.Read(b)
			if err != nil {
				return
			}
			backW.Write(b[:n])
		}
	}()
	message, answer := make([]byte, size), make([]byte, size)
	t := time.Now()
	for i := 0; i < n; i++ {
		thereW.Write(message)
		_, err := io.ReadFull(backR, answer)
		check(err)
	}
	out(wl, ns(t, n), "ns")
}

func names() {
	const N, live = 10000, 1000
	resolver := &net.Resolver{PreferGo: true}
	var wg sync.WaitGroup
	t := time.Now()
	for i := 0; i < live; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			name := fmt.Sprintf("h%d.bench.test", i)
			want := net.IPv4(10, 0, byte(i>>8), byte(i))
			for k := 0; k < N/live; k++ {
				ips, err := resolver.LookupIP(context.Background(), "ip4", name)
				check(err)
				if !ips[0].Equal(want) {
					panic("another's address")
				}
			}
		}(i)
	}
	wg.Wait()
	out("names", ns(t, N)/1e3, "us")
	out("names_cpu", cpu()/N, "ns")
}

func spawn(wl string, mib int) {
	N := 200
	if mib > 1000 {
		N = 20
	}
	const noHugePage, populateRead = 15, 22 // of madvise; see occupy() in system.h
	memory, err := syscall.Mmap(-1, 0, mib<<20, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	check(err)
	check(syscall.Madvise(memory, noHugePage))
	memory[0] = 1
	check(syscall.Madvise(memory, populateRead))
	var t time.Time
	for i := -1; i < N; i++ {
		if i == 0 {
			t = time.Now()
		}
		check(exec.Command("/bin/true").Run())
	}
	out(wl, ns(t, N)/1e3, "us")
}

func direct() {
	const N, depth, block = 40000, 32, 4096
	f, err := os.OpenFile(os.Getenv("BENCH_FILE"), os.O_RDONLY|syscall.O_DIRECT, 0)
	check(err)
	info, err := f.Stat()
	check(err)
	all, err := syscall.Mmap(-1, 0, depth*block, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	check(err)
	var wg sync.WaitGroup
	t, before := time.Now(), cpu()
	for i := 0; i < depth; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			random := uint64(88172645463325252 + i)
			for k := 0; k < N/depth; k++ {
				random ^= random << 13
				random ^= random >> 7
				random ^= random << 17
				at := int64(random%uint64(info.Size()/block)) * block
				_, err := f.ReadAt(all[i*block:(i+1)*block], at)
				check(err)
			}
		}(i)
	}
	wg.Wait()
	out("direct", ns(t, N)/1e3, "us")
	out("direct_cpu", (cpu()-before)/N, "ns")
}
