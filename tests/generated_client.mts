// A program of an integrator, on types that openapi-typescript made from our document: issue, look up, check a picture.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";
import { readFileSync } from "node:fs";

const { url, key, design, picture } = JSON.parse(readFileSync(0, "utf8"));
const api = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

const designs = await api.GET("/v1/designs", { params: { query: { limit: 5 } } });
const reference: string | undefined = designs.data?.items[0]?.reference;

const order = { design, gtin: "4006381333931", lot: "L-1", product: "Kite", count: 2 };
const headers = { "Idempotency-Key": "one" };
const issued = await api.POST("/v1/batches", { params: { header: headers }, body: order });
const certificates = await api.GET("/v1/certificates", { params: { query: { batch: issued.data?.id } } });
const code: string = certificates.data?.items[0]?.code ?? "";
const looked = await api.GET("/v1/certificates/{code}", { params: { path: { code } } });

const image = new Blob([Buffer.from(picture, "base64")], { type: "image/png" });
const checked = await api.POST("/v1/checks", {
  body: { image: "" }, // a file goes by the serializer below
  bodySerializer: () => {
    const form = new FormData();
    form.append("image", image, "kite.png");
    return form;
  },
});

const refused = await api.GET("/v1/designs/{design_id}", { params: { path: { design_id: "dsn_nobody" } } });
const report = {
  reference,
  units: issued.data?.count,
  advice: looked.data?.advice,
  verdict: checked.data?.verdict,
  refused: refused.error?.code,
};
process.stdout.write(JSON.stringify(report));
