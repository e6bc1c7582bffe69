/** Prints what the installed engines can compute on, as JSON. A process of its own: a broken driver may end it. */
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';

async function llama(): Promise<{ gpu: string | false } | { error: string }> {
  try {
    const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
    const found = await getLlama({
      gpu: 'auto',
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      logLevel: LlamaLogLevel.error,
    });
    return { gpu: found.gpu };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

async function onnx(): Promise<{ backends: string[] } | { error: string }> {
  try {
    const { listSupportedBackends } = await import('onnxruntime-node');
    return { backends: listSupportedBackends().map(({ name }) => name) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

process.stdout.write(`${JSON.stringify({ llama: await llama(), onnx: await onnx() })}\n`, () => process.exit(0));
