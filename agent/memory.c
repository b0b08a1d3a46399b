/* See memory.h. dl_iterate_phdr(3), madvise(2): MADV_DONTNEED on a private mapping of a file that was not written to drops the page-table entries only; what
 * is touched again is mapped again from the page cache or read again from the file. */
#include "agent/memory.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Code that was relocated in place is not what the file holds. */
static bool is_as_in_file(const struct dl_phdr_info *object)
{
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(object->dlpi_addr + header->p_vaddr);

        if (header->p_type != PT_DYNAMIC)
            continue;
        for (; entry->d_tag != DT_NULL; entry++)
            if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && entry->d_un.d_val & DF_TEXTREL))
                return false;
        return true;
    }
    return false;
}

/* Segments that are writable, and so those that are made read-only after relocation, are left alone. */
static int object_give_back(struct dl_phdr_info *object, size_t size, void *arg)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)size, (void)arg;
    if (!is_as_in_file(object))
        return 0;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + header->p_vaddr, first = begin & ~(page - 1);

        if (header->p_type == PT_LOAD && !(header->p_flags & PF_W))
            (void)madvise((void *)first, begin + header->p_memsz - first, MADV_DONTNEED);
    }
    return 0;
}

void memory_keep_small(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_TRIM_THRESHOLD, 64 * 1024);
    (void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
}

void memory_give_back(void)
{
    (void)malloc_trim(0);
    (void)dl_iterate_phdr(object_give_back, NULL);
}
