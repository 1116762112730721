/* asyncio.run(), await, sleep */
#include <eddy.h>
#include <stdio.h>

eddy_async(amain) /* async def main(): */
{
    puts("hello");
    eddy_try(eddy_sleep(0.1)); /*     await asyncio.sleep(0.1) */
    puts("world");
    return 0;
}

int main(void)
{
    return eddy_main(amain()); /* asyncio.run(main()) */
}
