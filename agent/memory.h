/* The agent stays small beside whatever else runs on the device. */
#pragma once

/* Once, before the first thread: one heap for all threads, and large pieces go back to the system when they are freed. */
void memory_keep_small(void);
/* Free memory of the heap, and pages of programs and libraries that were needed for the start only, go back to the system; what is needed of them comes back
 * with the next touch, 64 KiB at a time. Some hundred system calls; no page that was written to is concerned. */
void memory_give_back(void);
